/** What a copy of a run consists of: which cells, and for each the passes over it. */
import { type Cell, cellsIn } from './cell-state.ts';

export interface CopyTask {
  key: string;
  /** `library/celldir` on the instrument. */
  from: string;
  /** `library/celldir` here; another library when it was renamed here. */
  to: string;
  /** Nothing of it is here: what was recorded of an earlier copy is void. */
  restart: boolean;
}

/** The cells to be copied: by their state alone, so that no cell asks for a copy that then passes it over. */
export function copyTasks(cells: readonly Cell[]): CopyTask[] {
  return cellsIn(cells, 'NEW', 'PENDING').flatMap(({ key, cell, upstreamCell, present }) =>
    cell === null || upstreamCell === null ? [] : [{ key, from: upstreamCell, to: cell, restart: !present }],
  );
}

export interface Pass {
  /** Leave raw signal for a later pass: reads arrive first. */
  withoutRawSignal: boolean;
  /**
   * `growing`: in the style that is configured for cells that grow; appending trusts what is here. `comparing`: sizes and times of
   * all files, or the instrument’s own list of hashes.
   */
  style: 'growing' | 'comparing';
}

const passes: Readonly<Record<'growing' | 'ended', Readonly<Record<'whole' | 'phased', readonly Pass[]>>>> = {
  growing: {
    whole: [{ withoutRawSignal: false, style: 'growing' }],
    phased: [{ withoutRawSignal: true, style: 'growing' }, { withoutRawSignal: false, style: 'growing' }],
  },
  ended: {
    whole: [{ withoutRawSignal: false, style: 'growing' }, { withoutRawSignal: false, style: 'comparing' }],
    phased: [{ withoutRawSignal: true, style: 'growing' }, { withoutRawSignal: false, style: 'growing' }, { withoutRawSignal: false, style: 'comparing' }],
  },
};

/**
 * The passes over a cell, in order.
 *
 * @param ended its end marker was there, upstream or here, before the first pass begins: only then does a comparison prove anything.
 * @param phased small files and reads first, as configured.
 */
export function passesFor({ ended, phased }: { ended: boolean; phased: boolean }): readonly Pass[] {
  return passes[ended ? 'ended' : 'growing'][phased ? 'phased' : 'whole'];
}
