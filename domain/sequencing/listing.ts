/**
 * What instruments hold. A listing is rows or a failure: an instrument that does not answer must never look like an empty one,
 * for then half-copied cells would count as complete.
 */
import { OperationError, type Problem } from '../errors.ts';
import { identify, type Pin } from './identity.ts';
import { runLocation } from './location.ts';
import { cellFault, cellMark, componentFault, isCellDirectory } from './names.ts';
import { compareBytes } from './order.ts';

/** One cell on an instrument; one row of the listing. */
export interface ListedCell {
  experiment: string;
  /** `{instrument's location}/{raw directory}` */
  location: string;
  /** `library/celldir` */
  cell: string;
}

/**
 * Reads rows of `experiment TAB location TAB library/celldir`; blank lines are skipped. One line that is not a row fails the whole
 * listing (throws `InputCorrupt`, with file and line), for nobody knows which cells it hides.
 */
export function parseListing(text: string, file: string): ListedCell[] {
  return text.split('\n').flatMap((text, index) => {
    if (text.trim() === '') return [];
    const row = readRow(text);
    const line = index + 1;
    if (typeof row === 'string') throw new OperationError('InputCorrupt', `${file}, line ${line}: ${row}.`, { place: { file, line } });
    return row;
  });
}

/** A row, or what is wrong with it. */
function readRow(line: string): ListedCell | string {
  const columns = line.split('\t');
  if (columns.length !== 3) return `expected 3 columns separated by tabs (run, location, library/celldir), found ${columns.length}`;
  const [experiment = '', location = '', cell = ''] = columns;
  const faults: [what: string, value: string, fault: string | null][] = [
    ['run', experiment, componentFault(experiment)],
    ['location', location, location === '' ? 'is empty' : /\p{Cc}/u.test(location) ? 'has a control character' : null],
    ['cell', cell, cellFault(cell)],
  ];
  const bad = faults.find(([, , fault]) => fault !== null);
  return bad === undefined ? { experiment, location, cell } : `the ${bad[0]} “${bad[1]}” ${bad[2]}`;
}

export interface InstrumentListing {
  rows: ListedCell[];
  /** Runs seen for the first time: to be stored before anything else is done with them. */
  pins: Pin[];
  /** Directories that are left out, each with its reason; their neighbours are listed all the same. */
  problems: Problem[];
}

/**
 * The rows of one instrument: paths `experiment/library/celldir/other_reports` below its location, sorted by bytes, each cell
 * once, runs named as they were at first sight.
 */
export function listInstrument({ instrument, location, paths, pins }: { instrument: string; location: string; paths: readonly string[]; pins: readonly Pin[] }): InstrumentListing {
  const listing: InstrumentListing = { rows: [], pins: [], problems: [] };
  const refuse = (message: string): void => void listing.problems.push({ type: 'InputCorrupt', message: `${instrument}: ${message}.` });

  const runs = new Map<string, Map<string, string>>();
  for (const path of paths.toSorted(compareBytes)) {
    const [rawDirectory = '', library = '', directory = '', mark, ...rest] = path.split('/');
    const fault = componentFault(rawDirectory) ?? cellFault(`${library}/${directory}`);
    if (mark !== cellMark || rest.length > 0 || !isCellDirectory(directory)) refuse(`“${path}” is not the path of a cell`);
    else if (fault !== null) refuse(`“${path}” is left out, because a name in it ${fault}`);
    else {
      const cells = runs.get(rawDirectory) ?? new Map<string, string>();
      if (!cells.has(directory)) cells.set(directory, `${library}/${directory}`);
      runs.set(rawDirectory, cells);
    }
  }

  for (const [rawDirectory, cells] of runs) {
    const identity = identify([...pins, ...listing.pins], { instrument, rawDirectory, cellDirectories: [...cells.keys()] });
    if (identity.kind === 'taken') {
      refuse(`“${rawDirectory}” would be the run ${identity.experiment}, which “${identity.holder.rawDirectory}” on ${identity.holder.instrument} is already; one of the two must be renamed`);
      continue;
    }
    const { experiment } = identity;
    if (identity.kind === 'new') listing.pins.push({ instrument, rawDirectory, experiment });
    for (const cell of [...cells.values()].toSorted((a, b) => compareBytes(a.slice(a.indexOf('/')), b.slice(b.indexOf('/'))))) {
      listing.rows.push({ experiment, location: runLocation(location, rawDirectory), cell });
    }
  }
  return listing;
}

/**
 * What is known of a run upstream. `unknown`: no listing, or one that failed; its cells are the last that were seen, so that
 * nothing changes its state because a network is down.
 */
export type RunUpstream =
  | { state: 'listed'; location: string; cells: readonly string[] }
  | { state: 'absent'; cells: readonly [] }
  | { state: 'unknown'; cells: readonly string[] };

export const nothingKnown: RunUpstream = { state: 'unknown', cells: [] };

/** The part of a listing that concerns a run; of several locations the first one counts. */
export function upstreamOf(listing: readonly ListedCell[], experiment: string): RunUpstream {
  const rows = listing.filter((row) => row.experiment === experiment);
  const [first] = rows;
  if (first === undefined) return { state: 'absent', cells: [] };
  return { state: 'listed', location: first.location, cells: [...new Set(rows.map((row) => row.cell))].toSorted(compareBytes) };
}
