/**
 * Names of runs (MinKNOW's experiments), libraries (pools) and cells. A cell is addressed as `library/celldir`; its key is the
 * cell directory alone, so that a cell moved between libraries keeps its state. Names are typed by the lab: hostile.
 */
import { OperationError } from '../errors.ts';

/** Why a text cannot be one component of a path, as the end of a sentence; null when it can. Spaces, quotes and leading dashes can. */
export function componentFault(text: string): string | null {
  if (text === '') return 'is empty';
  if (text === '.' || text === '..') return `is “${text}”`;
  if (text.includes('/')) return 'has a slash';
  if (/\p{Cc}/u.test(text)) return 'has a control character';
  if (new TextEncoder().encode(text).length > 255) return 'is longer than 255 bytes';
  return null;
}

export interface CellAddress {
  library: string;
  /** The cell directory: the cell's key. */
  directory: string;
}

/** Why a text is not `library/celldir`, as the end of a sentence; null when it is. */
export function cellFault(text: string): string | null {
  const parts = text.split('/');
  if (parts.length !== 2) return 'is not of the form library/celldir';
  return componentFault(parts[0]!) ?? componentFault(parts[1]!);
}

/** The two parts of `library/celldir`. Throws `ContractError` for anything else. */
export function cellAddress(cell: string): CellAddress {
  const fault = cellFault(cell);
  if (fault !== null) throw new OperationError('ContractError', `The cell “${cell}” ${fault}.`);
  const [library = '', directory = ''] = cell.split('/');
  return { library, directory };
}

/** The cell's key: its directory without the library. Touch files are named after it. */
export function cellKey(cell: string): string {
  return cell.slice(cell.lastIndexOf('/') + 1);
}

// The glob patterns by which the original finds cells: `*/20??????_*_????????`, and with a suffix where re-basecalled. `?` is
// any character, so a short hash can pass.
const cellDirectory = /^20.{6}_.*_.{8}$/su;
const recalledDirectory = /^20.{6}_.*_.{8}\..*$/su;

/** True for the name of a cell directory as sequencers make them. */
export function isCellDirectory(name: string): boolean {
  return cellDirectory.test(name);
}

/** True for a cell directory beside which somebody called the bases again (`….recall00`); such cells exist locally only. */
export function isRecalledDirectory(name: string): boolean {
  return recalledDirectory.test(name);
}

/** The directory in a cell that marks it as real, upstream and locally: the one definition of a cell. */
export const cellMark = 'other_reports';

/** What the names of a run and a cell say. Null: the cell's name is not of the strict form. */
export interface CellName {
  experiment: string;
  cell: string;
  pool: string;
  /** YYYYMMDD */
  date: string | null;
  /** The start time, HHMM. */
  number: string | null;
  /** The position: `2-E1-H1`, `1E`, `MN32284`. */
  slot: string | null;
  flowCellId: string;
  /** Eight hexadecimal digits: a washed flow cell can run again with the same library. */
  checksum: string;
  project: string;
  /** Prefix of every product's path below the output directory. */
  base: string;
}

const strictCell = /^([^/]+)\/(\d{8})_(\d+)_([0-9A-Z-]+)_([0-9A-Z]+)_([0-9a-f]{8})$/;

/** Reads the names of a run and of one of its cells. Throws `ContractError` unless the run has no slash and the cell exactly one. */
export function parseCellName(experiment: string, cell: string): CellName {
  const fault = componentFault(experiment);
  if (fault !== null) throw new OperationError('ContractError', `The run “${experiment}” ${fault}.`);
  const { library } = cellAddress(cell);
  const [, pool = library, date = null, number = null, slot = null, strictFlowCell, strictChecksum] = strictCell.exec(cell) ?? [];
  const parts = cell.split('_');
  const flowCellId = strictFlowCell ?? parts.at(-2) ?? 'UNKNOWN';
  const checksum = strictChecksum ?? (parts.length > 1 ? parts.at(-1)! : 'UNKNOWN');
  return {
    experiment, cell, pool, date, number, slot, flowCellId, checksum,
    project: projectOf(experiment, pool),
    // In a loose name the last parts may reach over the slash; a product must not land in a directory of that name.
    base: `${cell}/${`${experiment}_${pool}_${flowCellId}_${checksum}`.replaceAll('/', '_')}`,
  };
}

/** The project: five digits of the library, else of the experiment, else the library itself. */
function projectOf(experiment: string, pool: string): string {
  return /^([0-9]{5})[A-Z]{2}/.exec(pool)?.[1] ?? /^[0-9]{8}_[\p{L}\p{N}_]+_([0-9]{5})[A-Z]{2}/u.exec(experiment)?.[1] ?? pool;
}

/** The run that a directory holds: its name up to the first dot. */
export function experimentOf(directory: string): string {
  return directory.split('.')[0]!;
}

/** The instrument's label: the second part of a run's name. */
export function instrumentOf(experiment: string): string {
  return experiment.split('_')[1] || 'unknown';
}

/** The original's default for names that are runs at all. */
export const defaultExperimentPattern = '.+_.+_.+';

/** A test for names that are runs: the whole name matches `pattern`. Throws `ConfigError` when that is no regular expression. */
export function experimentFilter(pattern: string): (name: string) => boolean {
  try {
    const whole = new RegExp(`^(?:${pattern})$`, 'su');
    return (name) => whole.test(name);
  } catch (cause) {
    throw new OperationError('ConfigError', `“${pattern}” is not a regular expression for the names of runs.`, { cause });
  }
}
