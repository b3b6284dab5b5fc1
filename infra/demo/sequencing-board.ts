/** The board of the sequencing demo: every cell from first sight to done, drawn again and again, or told in lines where there is no terminal. */
import { createLogUpdate } from 'log-update';
import { bar } from '../../client/cli/storage/render.ts';
import { cellStyles, statusStyles } from '../../client/cli/sequencing/text.ts';
import { paint, safeText, shorten } from '../../client/cli/output.ts';
import type { InstrumentStatus, RunProgress, RunView } from '../../client/index.ts';
import type { CellState } from '../../domain/sequencing/cell-state.ts';

/** A cell as its simulated instrument writes it. */
export interface WrittenCell {
  key: string;
  /** Files. */
  written: number;
  planned: number;
}

/** Everything at one moment. */
export interface Scene {
  /** Null: it was not polled yet. */
  instruments: { label: string; how: string; status: InstrumentStatus | null }[];
  runs: { view: RunView; progress: RunProgress }[];
  written: WrittenCell[];
}

export interface Board {
  show(scene: Scene): void;
  /** A line of its own, that stays. */
  tell(line: string): void;
  end(): void;
}

const marks: Readonly<Record<CellState, string>> = { NEW: '·', PENDING: '·', READY: '·', PROCESSING: '▸', PROCESSED: '✓', FAILED: '✗', ABORTED: '–', INCOMPLETE: '!' };

export function createBoard(stream: NodeJS.WriteStream = process.stdout): Board {
  if (!stream.isTTY) return plainBoard((line) => stream.write(`${line}\n`));
  const draw = createLogUpdate(stream);
  return {
    show: (scene) => draw(sceneLines(scene, stream.columns).slice(0, stream.rows - 1).join('\n')),
    tell: (line) => draw.persist(line),
    end: () => draw.done(),
  };
}

/** The scene in lines of `width` columns. */
export function sceneLines({ instruments, runs, written }: Scene, width: number): string[] {
  return instruments.flatMap(({ label, how, status }) => [
    shorten(safeText(`${label}  ${how}  ${status === null ? 'not asked yet' : instrumentWords(status)}`), width),
    ...runs
      .filter(({ view }) => view.instrument === label)
      .flatMap(({ view, progress }) => [
        `  ${paint(statusStyles[view.status], shorten(`${view.experiment}  ${view.status}`, width - 2))}`,
        ...view.cells.map((cell) => {
          const on = written.find(({ key }) => key === cell.key);
          const there = on === undefined ? '' : bar(on.written / on.planned, 10);
          // The newest sign of life may still be about the cell before.
          const words = progress.copy?.cell === cell.cell && view.copying.cell === cell.cell ? progress.copy.text.replace(` ${cell.cell}`, '') : cell.words;
          return `    ${paint(cellStyles[cell.state], `${marks[cell.state]} ${cell.state.padEnd(10)}`)} ${there} ${shorten(safeText(`${cell.cell ?? cell.key}  ${words}`), width - 28)}`;
        }),
        ...progress.troubles.map((trouble) => `    ${paint('warning', '!')} ${shorten(safeText(trouble), width - 6)}`),
      ]),
  ]);
}

function instrumentWords({ state, turn, queue, troubles }: InstrumentStatus): string {
  const copying = turn === null ? 'copies nothing now' : `copies ${turn.experiment}`;
  return [state === 'listed' ? 'answers' : state, copying, ...(queue.length === 0 ? [] : [`${queue.length} waiting`]), ...troubles.map(({ message }) => message)].join('; ');
}

function plainBoard(say: (line: string) => void): Board {
  const told = new Map<string, string>();
  const changed = (what: string, is: string): boolean => told.get(what) !== is && told.set(what, is) !== undefined;
  return {
    show({ instruments, runs }) {
      for (const { label, status } of instruments) if (status !== null && changed(label, status.state)) say(`${label}  ${status.state === 'listed' ? 'answers' : status.state}${status.troubles.map(({ message }) => `: ${message}`).join('')}`);
      for (const { view, progress } of runs) {
        for (const { key, cell, state, words } of view.cells) if (changed(key, state)) say(`${cell ?? key}  ${state}  ${safeText(words)}`);
        for (const trouble of progress.troubles) if (changed(view.experiment, trouble)) say(`${view.experiment}  ! ${safeText(trouble)}`);
      }
    },
    tell: say,
    end: () => undefined,
  };
}
