import { isAbsolute } from 'node:path';
import { OperationError, type ErrorType } from '../../domain/errors.ts';
import type { Hooks } from '../platform/activity.ts';
import { run, type RunOptions } from '../platform/processes/run.ts';
import { lastLine, runOverSsh, shellWords, targetName, type SshTarget } from '../platform/ssh/index.ts';

/**
 * Where an instrument's cells are found: on the machine itself, below a directory mounted here, or (`local`) straight in the directory of
 * runs, with its batch level. Below `path` lie experiment, library and cell.
 */
export type InstrumentSource = (
  | { kind: 'ssh'; target: SshTarget }
  | { kind: 'path' }
  | { kind: 'local'; batch?: 'year' | 'month' }
) & {
  /** Absolute. */
  path: string;
  /** A name that must exist below `path`: what is missing when a disk is not mounted, so that it does not look like one without runs. */
  sentinel?: string;
};

/** A cell as its instrument calls it; names are as they stand there. */
export interface ListedCell {
  /** Directory below the source's path: the experiment, after its batch if there is one. */
  directory: string;
  experiment: string;
  library: string;
  cell: string;
  /** The machine has written the end marker. */
  ended: boolean;
}

export interface InstrumentListing {
  /** By directory, library and cell, in byte order. */
  cells: ListedCell[];
  /** Directories that we may not look into: cells below them are not known, rather than gone. */
  unreadable: string[];
  /** Cells whose names are not UTF-8 (shown with replacements) and cannot be followed. */
  unusable: string[];
  /** How much the machine's clock is ahead of ours, to about a second. */
  clockAheadSeconds: number;
  /** Bytes that are free on the source's disk; null where that was not told. */
  freeBytes: number | null;
}

/** Experiment, library, cell: the cells of an instrument, and those that a re-basecalling leaves in a directory of runs. */
const cellPatterns = { instrument: '*/*/20??????_*_????????', recalled: '*/*/20??????_*_????????.*' };
const batchPatterns = { none: '', year: '[12][0-9][0-9][0-9]/', month: '[12][0-9][0-9][0-9]-[01][0-9]/' };

/**
 * What lists; given the directory, the sentinel (or nothing), the pattern of directories above the experiments, and those of cells. A cell is a
 * directory with `other_reports` in it. Names end with a zero byte, since they may hold line breaks, and the last line counts them: half a listing shows.
 * Each line is a whole command, so that all can stand in one.
 */
const script = [
  'cd -- "$1" || exit 3;',
  '[ -r . ] || exit 4;',
  '[ -z "$2" ] || [ -e "$2" ] || exit 5;',
  'above=$3; shift 3; IFS=; count=0;',
  String.raw`printf "listing 1 %s\0" "$(date +%s)";`,
  // Whoever has no df, or another one, is listed all the same.
  String.raw`printf "disk %s\0" "$(df -Pk . 2>/dev/null | tail -n 1)";`,
  String.raw`for place in $above*/ $above*/*/; do [ ! -d "$place" ] || { [ -r "$place" ] && [ -x "$place" ]; } || printf "unreadable %s\0" "\${place%/}"; done;`,
  'for pattern; do for mark in $above$pattern/other_reports; do',
  '[ -e "$mark" ] || continue; cell=${mark%/other_reports}; ended=0; count=$((count + 1));',
  'for file in "$cell"/final_summary.txt "$cell"/final_summary_*_*.txt; do [ ! -e "$file" ] || ended=1; done;',
  String.raw`printf "cell %s %s\0" "$ended" "$cell";`,
  'done; done;',
  String.raw`printf "end %s\0" "$count"`,
].join(' ').replaceAll('\\$', '$');

/** Far more than the names of any instrument. */
const maxBytes = 32 * 2 ** 20;
const listingMs = 60_000;

/**
 * What stands before the key in an instrument's `authorized_keys`, so that it can do nothing but list: the same command that
 * `listInstrument` sends, which is ignored then.
 */
export function listingForcedCommand(source: { path: string; sentinel?: string }): string {
  return `restrict,command="${shellWords(listingCommand({ kind: 'path', ...source })).replaceAll('"', String.raw`\"`)}"`;
}

/**
 * The cells that a source has now. A listing is complete or an error; no cells means that there are none.
 *
 * Throws `NotFound` (no such directory), `PermissionDenied`, `DependencyDown` (not mounted, not reachable), `TransportError` (it ended early),
 * `ExternalToolFailed` (what answered was no listing), `IntegrityMismatch` (another host key), `ConfigError`.
 */
export async function listInstrument(source: InstrumentSource, hooks: Hooks = {}): Promise<InstrumentListing> {
  if (!isAbsolute(source.path)) throw new OperationError('ConfigError', `The directory of an instrument is “${source.path}”; expected an absolute path.`);
  const name = source.kind === 'ssh' ? `${targetName(source.target)}:${source.path}` : source.path;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const onStdout = (chunk: Uint8Array): void => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBytes) throw new OperationError('ExternalToolFailed', `${name} answers without end.`);
  };
  const options: RunOptions = { signal: hooks.signal, timeoutMs: listingMs, onStdout, env: { LC_ALL: 'C' } };
  const [program, ...args] = listingCommand(source);
  const { code, stderr } = source.kind === 'ssh' ? await runOverSsh(source.target, [program!, ...args], options) : await run(program!, args, options);
  if (code !== 0) {
    const [type, meaning] = exits[code ?? -1] ?? ['ExternalToolFailed', `the command ended with ${code}`];
    throw new OperationError(type, `Cannot list ${name}: ${meaning}${stderr === '' ? '' : ` (${lastLine(stderr)})`}.`, { place: { file: source.path } });
  }
  return parse(Buffer.concat(chunks), name);
}

const exits: Readonly<Record<number, readonly [ErrorType, string]>> = {
  3: ['NotFound', 'there is no such directory, or we may not enter it'],
  4: ['PermissionDenied', 'we may not read it'],
  5: ['DependencyDown', 'what must be there is missing, so it is probably not mounted'],
};

function listingCommand(source: Pick<InstrumentSource, 'path' | 'sentinel'> & { kind: InstrumentSource['kind']; batch?: 'year' | 'month' }): string[] {
  const above = batchPatterns[source.batch ?? 'none'];
  const patterns = source.kind === 'local' ? [cellPatterns.instrument, cellPatterns.recalled] : [cellPatterns.instrument];
  return ['sh', '-c', script, 'longshore', source.path, source.sentinel ?? '', above, ...patterns];
}

function parse(answer: Uint8Array, name: string): InstrumentListing {
  const records = split(answer);
  const first = /^listing 1 (\d+)$/u.exec(lossy(records[0]));
  if (first === null) throw new OperationError('ExternalToolFailed', `What ${name} answered is not a listing; it begins with “${lossy(records[0]).slice(0, 80)}”.`);
  const last = /^end (\d+)$/u.exec(lossy(records.at(-1)));
  const listing: InstrumentListing = { cells: [], unreadable: [], unusable: [], clockAheadSeconds: Math.round(Number(first[1]) - Date.now() / 1000), freeBytes: null };
  for (const record of records.slice(1, last === null ? undefined : -1)) read(record, listing, name);
  const { cells, unusable } = listing;
  if (last === null || Number(last[1]) !== cells.length + unusable.length) throw new OperationError('TransportError', `The listing of ${name} ended early, after ${cells.length} cells.`);
  const key = ({ directory, library, cell }: ListedCell): Buffer => Buffer.from(`${directory}\0${library}\0${cell}`);
  cells.sort((a, b) => Buffer.compare(key(a), key(b)));
  return listing;
}

/** Records end with a zero byte; what stands behind the last is none, and gone with it is the right to be believed. */
function split(answer: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let start = 0, end: number; (end = answer.indexOf(0, start)) >= 0; start = end + 1) records.push(answer.subarray(start, end));
  if (answer.length > 0 && answer.at(-1) !== 0) records.push(answer.subarray(answer.lastIndexOf(0) + 1));
  return records;
}

function read(record: Uint8Array, listing: InstrumentListing, name: string): void {
  const text = lossy(record);
  const [kind] = text.split(' ', 1);
  if (kind === 'unreadable') {
    const place = text.slice('unreadable '.length);
    if (!place.endsWith('lost+found')) listing.unreadable.push(place);
    return;
  }
  if (kind === 'disk') {
    // Filesystem, blocks of 1024 bytes, used, available, capacity, mount point: the first may have blanks.
    const available = /\s\d+\s+-?\d+\s+(-?\d+)\s+\d+%/u.exec(text)?.[1];
    if (available !== undefined) listing.freeBytes = Math.max(0, Number(available)) * 1024;
    return;
  }
  const [, ended, path] = /^cell ([01]) (.+)$/su.exec(text) ?? [];
  const parts = path?.split('/') ?? [];
  const [cell, library, experiment] = parts.toReversed();
  if (experiment === undefined || library === undefined || cell === undefined) throw new OperationError('TransportError', `The listing of ${name} ended early or holds what is no cell: “${text.slice(0, 80)}”.`);
  if (text.includes('\u{FFFD}')) listing.unusable.push(path!);
  else listing.cells.push({ directory: parts.slice(0, -2).join('/'), experiment, library, cell, ended: ended === '1' });
}

const decoder = new TextDecoder();
const lossy = (record: Uint8Array | undefined): string => decoder.decode(record);
