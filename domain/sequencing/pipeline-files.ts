/**
 * The touch files of `pipeline/`, which scripts and people read: a pure mapping from what is recorded to files and back. The files
 * are a projection; where they differ from the record the record wins, except for the signals that people give by hand.
 */
import { type ExperimentType, readExperimentType } from './experiment-type.ts';
import { type CellFlags, flagsOfCell, type RunFlags, unknownRun, withCell } from './flags.ts';
import { compareBytes } from './order.ts';

/** A file in `pipeline/`; `data` is for `type.yaml`, whose text is YAML of it (undefined where it is none). */
export type PipelineFile = { name: string } & ({ kind: 'text'; text: string } | { kind: 'link'; target: string } | { kind: 'yaml'; data: unknown });

const text = (name: string, content = ''): PipelineFile => ({ name, kind: 'text', text: content });
const line = (content: string): string => `${content}\n`;

/** The flags of a cell and their files' suffixes. A failed cell keeps `.started`: to the original it is busy, and is not started again. */
const cellSuffixes = ['synced', 'started', 'done', 'aborted', 'failed'] as const satisfies readonly (keyof CellFlags)[];
const runFlags = ['aborted', 'stripped'] as const;
const syncFlags = ['started', 'done', 'failed'] as const;

/** The files of a run, sorted by name; none for a run that is not known. */
export function pipelineFiles(run: RunFlags): PipelineFile[] {
  if (!run.known) return [];
  const files: PipelineFile[] = [
    ...(run.upstream === null ? [] : [text('upstream', line(run.upstream))]),
    ...(run.output === null ? [] : [{ name: 'output', kind: 'link', target: run.output } as const]),
    ...(run.type === null ? [] : [{ name: 'type.yaml', kind: 'yaml', data: run.type } as const]),
    ...syncFlags.filter((flag) => run.sync[flag]).map((flag) => text(`sync.${flag}`)),
    ...runFlags.filter((flag) => run[flag]).map((flag) => text(flag)),
    ...(run.failed === null ? [] : [text('failed', line(run.failed))]),
    ...Object.entries(run.cells).flatMap(([key, flags]) =>
      cellSuffixes.filter((suffix) => flags[suffix] !== false && flags[suffix] !== null).map((suffix) => text(`${key}.${suffix}`, suffix === 'failed' ? line(flags.failed!) : '')),
    ),
    ...run.notified.map((cells) => text(`notify_${cells}_cells_complete.done`)),
    ...(run.startTimes.length === 0 ? [] : [text('start_times', run.startTimes.map(line).join(''))]),
    ...(run.reportUrl === null ? [] : [text('report_upload_url.txt', line(run.reportUrl))]),
  ];
  return files.toSorted((a, b) => compareBytes(a.name, b.name));
}

const content = (file: PipelineFile): string => (file.kind === 'text' ? file.text.replace(/\n+$/, '') : '');
const unexplained = 'no reason was recorded';

type Reader = (run: RunFlags, file: PipelineFile, match: RegExpExecArray) => RunFlags;

/** First match wins: notices and the sync’s own files end like those of cells. */
const readers: readonly [name: RegExp, read: Reader][] = [
  [/^upstream$/, (run, file) => ({ ...run, upstream: content(file).trim() || null })],
  [/^output$/, (run, file) => ({ ...run, output: file.kind === 'link' ? file.target : run.output })],
  [/^type\.yaml$/, (run, file) => ({ ...run, type: file.kind === 'yaml' ? readExperimentType(file.data) : null })],
  [/^sync\.(started|done|failed)$/, (run, _file, [, flag]) => ({ ...run, sync: { ...run.sync, [flag!]: true } })],
  [/^(aborted|stripped)$/, (run, _file, [, flag]) => ({ ...run, [flag!]: true })],
  [/^failed$/, (run, file) => ({ ...run, failed: content(file) || unexplained })],
  [/^notify_(\d{1,9})_cells_complete\.done$/, (run, _file, [, cells]) => ({ ...run, notified: [...run.notified, Number(cells)].toSorted((a, b) => a - b) })],
  [/^start_times$/, (run, file) => ({ ...run, startTimes: content(file).split('\n').filter((each) => each !== '') })],
  [/^report_upload_url\.txt$/, (run, file) => ({ ...run, reportUrl: content(file) || null })],
  [/^(.+)\.(synced|started|done|aborted)$/su, (run, _file, [, key, flag]) => withCell(run, key!, { [flag!]: true })],
  [/^(.+)\.failed$/su, (run, file, [, key]) => withCell(run, key!, { failed: content(file) || unexplained })],
];

export interface ReadFlags {
  run: RunFlags;
  /** What a person should know of: files of no meaning, a type that is none, a missing upstream. */
  warnings: string[];
}

/** What the files of `pipeline/` say; null when there is no such directory. */
export function readPipelineFiles(files: readonly PipelineFile[] | null): ReadFlags {
  if (files === null) return { run: unknownRun, warnings: [] };
  let run: RunFlags = { ...unknownRun, known: true };
  const warnings: string[] = [];
  for (const file of files.toSorted((a, b) => compareBytes(a.name, b.name))) {
    const [reader, match] = firstReader(file.name);
    if (reader === null) warnings.push(`pipeline/${file.name} has no meaning.`);
    else run = reader(run, file, match);
  }
  if (files.some((file) => file.kind === 'yaml' && file.data !== undefined) && run.type === null) warnings.push('pipeline/type.yaml names no type of run: expected internal, visitor, test or unknown.');
  // Never a reason to stop: the next listing tells it.
  if (run.upstream === null) warnings.push('pipeline/upstream is missing or empty.');
  return { run, warnings };
}

function firstReader(name: string): [Reader, RegExpExecArray] | [null, null] {
  for (const [pattern, reader] of readers) {
    const match = pattern.exec(name);
    if (match !== null) return [reader, match];
  }
  return [null, null];
}

/** A file that is not as the record says. */
export interface Drift {
  name: string;
  kind: 'missing' | 'unexpected' | 'changed';
}

/** Where the files of `pipeline/` differ from what they should be, sorted by name. */
export function driftOf(expected: readonly PipelineFile[], found: readonly PipelineFile[]): Drift[] {
  const wanted = new Map(expected.map((file) => [file.name, file]));
  const there = new Map(found.map((file) => [file.name, file]));
  return [...new Set([...wanted.keys(), ...there.keys()])].toSorted(compareBytes).flatMap((name): Drift[] => {
    const [want, is] = [wanted.get(name), there.get(name)];
    if (want === undefined) return [{ name, kind: 'unexpected' }];
    if (is === undefined) return [{ name, kind: 'missing' }];
    return same(want, is) ? [] : [{ name, kind: 'changed' }];
  });
}

/** Touch files are what they are by their names; only the others' content counts. */
function same(a: PipelineFile, b: PipelineFile): boolean {
  if (a.kind === 'yaml' && b.kind === 'yaml') return JSON.stringify(readExperimentType(a.data)) === JSON.stringify(readExperimentType(b.data));
  if (a.kind === 'link' && b.kind === 'link') return a.target === b.target;
  return a.kind === 'text' && b.kind === 'text' && (a.text === b.text || a.text === '');
}

/** What a person said by a file: to leave a run or a cell alone, what type the run is, or that its raw data was removed. */
export type HandSignal = { kind: 'abort-run' } | { kind: 'abort-cell'; key: string } | { kind: 'set-type'; type: ExperimentType } | { kind: 'stripped' };

/** The signals in the files that the record does not have yet. They are honoured; every other drift is only reported. */
export function handSignals(recorded: RunFlags, found: RunFlags): HandSignal[] {
  const signals: HandSignal[] = [];
  if (found.aborted && !recorded.aborted) signals.push({ kind: 'abort-run' });
  for (const [key, { aborted }] of Object.entries(found.cells)) {
    if (aborted && !flagsOfCell(recorded, key).aborted) signals.push({ kind: 'abort-cell', key });
  }
  if (found.type !== null && JSON.stringify(found.type) !== JSON.stringify(recorded.type)) signals.push({ kind: 'set-type', type: found.type });
  if (found.stripped && !recorded.stripped) signals.push({ kind: 'stripped' });
  return signals;
}

function fileOf(signal: HandSignal): string {
  if (signal.kind === 'abort-cell') return `${signal.key}.aborted`;
  return { 'abort-run': 'aborted', 'set-type': 'type.yaml', stripped: 'stripped' }[signal.kind];
}

/**
 * Names of the files by which somebody said what is not recorded yet: they stay until it is. One that was recorded before is ours, and stands
 * there still because the record has changed.
 */
export function unrecordedSigns(next: RunFlags, before: RunFlags, read: RunFlags): Set<string> {
  const fresh = new Set(handSignals(before, read).map(fileOf));
  return new Set(handSignals(next, read).map(fileOf).filter((name) => fresh.has(name)));
}

/**
 * What somebody else did to the files: neither the record by which they were last written (null: nobody knows) nor the newest explains it,
 * and it is no signal. What an interrupted writing did already is no drift.
 */
export function foreignDrift(found: readonly PipelineFile[], { previous, next }: { previous: RunFlags | null; next: RunFlags }): Drift[] {
  const read = readPipelineFiles(found).run;
  const before = previous ?? read;
  const kept = unrecordedSigns(next, before, read);
  const foreign = new Map(driftOf(pipelineFiles(before), found).map((drift) => [drift.name, drift]));
  return driftOf(pipelineFiles(next), found).flatMap(({ name }) => foreign.get(name) ?? []).filter(({ name }) => !kept.has(name));
}

/** Files of other names are nobody's signs: they are reported, and left alone. */
export const hasMeaning = (name: string): boolean => firstReader(name)[0] !== null;
/** Hidden files are what a killed writer or a network file system leaves. */
export const isHidden = (name: string): boolean => name.startsWith('.');
