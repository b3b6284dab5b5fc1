/** MinKNOW's end marker: a file of `key=value` lines at the top of a cell, written after all others. */
import { dayNumber, isPlainDate } from '../dates.ts';
import { OperationError } from '../errors.ts';

export interface FinalSummary {
  /** Every key as written; the last of a repeated key. */
  values: Readonly<Record<string, string>>;
  isRna: boolean;
  /** `26 hours`, `95 minutes`, `unknown` without a start or an end. */
  runTime: string;
  basecallingEnabled: boolean | null;
  /** Unix seconds. */
  started: number | null;
  acquisitionStopped: number | null;
  processingStopped: number | null;
  /** Files that MinKNOW says it wrote; null where it does not say. */
  files: Readonly<Record<CountedType, { finalDest: number | null; fallback: number | null }>>;
}

export const countedTypes = ['fastq', 'fast5', 'pod5'] as const;
export type CountedType = (typeof countedTypes)[number];

const newMarker = /^final_summary_.*_.*\.txt$/su;
const oldMarker = 'final_summary.txt';

/** True for an end marker's name: `final_summary_*_*.txt`, or `final_summary.txt` before MinKNOW 3.6. */
export function isEndMarker(name: string): boolean {
  return name === oldMarker || newMarker.test(name);
}

/**
 * The end marker among the names at the top of a cell, null when there is none: of both eras the newer form. Completion and
 * inventory ask here, so that no cell is complete for one and broken for the other. Throws `InputCorrupt` when several claim to be it.
 */
export function endMarkerOf(names: readonly string[], cell: string): string | null {
  const found = names.filter((name) => newMarker.test(name));
  if (found.length > 1) throw new OperationError('InputCorrupt', `The cell ${cell} has ${found.length} final summaries (${found.join(', ')}): expected one.`);
  return found[0] ?? (names.includes(oldMarker) ? oldMarker : null);
}

/** Reads a final summary. Throws `InputCorrupt` with file and line. */
export function parseFinalSummary(text: string, file: string): FinalSummary {
  const fault = (what: string, line?: number): OperationError =>
    new OperationError('InputCorrupt', `${file}${line === undefined ? '' : `, line ${line}`}: ${what}.`, { place: line === undefined ? { file } : { file, line } });
  const read = new Map<string, { value: string; line: number }>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '');
    if (line.trim() === '' || line.trim().startsWith('#')) continue;
    const equals = line.indexOf('=');
    if (equals === -1) throw fault('expected key=value', index + 1);
    read.set(line.slice(0, equals), { value: line.slice(equals + 1), line: index + 1 });
  }
  const whole = (key: string): number | null => {
    const entry = read.get(key);
    if (entry === undefined) return null;
    if (!/^\d{1,15}$/.test(entry.value.trim())) throw fault(`${key} is “${entry.value}”, expected a whole number`, entry.line);
    return Number(entry.value);
  };
  const instant = (key: string): number | null => {
    const entry = read.get(key);
    if (entry === undefined) return null;
    const seconds = parseInstant(entry.value);
    if (seconds === null) throw fault(`${key} is “${entry.value}”, expected a date and time with its offset`, entry.line);
    return seconds;
  };
  const counts = (type: CountedType) => ({ finalDest: whole(`${type}_files_in_final_dest`), fallback: whole(`${type}_files_in_fallback`) });
  const protocol = read.get('protocol');
  if (protocol === undefined) throw fault('the key protocol is missing');
  const basecalling = read.get('basecalling_enabled')?.value;
  const started = instant('started');
  const acquisitionStopped = instant('acquisition_stopped');
  return {
    values: Object.fromEntries([...read].map(([key, { value }]) => [key, value])),
    isRna: protocol.value.includes('RNA'),
    runTime: runTimeOf(started, acquisitionStopped),
    basecallingEnabled: basecalling === undefined ? null : /^[1TtYy]/.test(basecalling),
    started,
    acquisitionStopped,
    processingStopped: instant('processing_stopped'),
    files: { fastq: counts('fastq'), fast5: counts('fast5'), pod5: counts('pod5') },
  };
}

/** Unix seconds of an ISO 8601 date and time with an offset, to the microsecond; null for anything else. */
function parseInstant(text: string): number | null {
  const match = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:Z|([+-])(\d{2}):?(\d{2}))$/.exec(text.trim());
  if (match === null || !isPlainDate(match[1]!)) return null;
  const [hours, minutes, seconds] = [Number(match[2]), Number(match[3]), Number(match[4] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 60) return null;
  const offset = (Number(match[7] ?? 0) * 60 + Number(match[8] ?? 0)) * (match[6] === '-' ? -60 : 60);
  return dayNumber(match[1]!) * 86400 + hours * 3600 + minutes * 60 + seconds - offset + Number(`0.${match[5] ?? '0'}`);
}

function runTimeOf(start: number | null, stop: number | null): string {
  if (start === null || stop === null) return 'unknown';
  const hours = halfToEven((stop - start) / 3600);
  return hours >= 2 ? `${hours} hours` : `${halfToEven((stop - start) / 60)} minutes`;
}

/** The nearest whole number; of two as near the even one. */
function halfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}
