/**
 * A day's rows of the original's tables beside ours: which agree, and why the others do not. One file a table (`comparison-*.ts`);
 * this one holds what they share.
 */
import type { FaultId } from './comparison-faults.ts';

/**
 * `explained`: the figures of both sides prove the fault. `possible`: the difference has the fault's form and size, and the tables
 * hold nothing that proves or refutes it. `unexplained`: no known fault does this.
 */
export type Certainty = 'explained' | 'possible' | 'unexplained';

/** A fault that a difference fits. */
export interface Finding {
  fault: FaultId;
  certainty: 'explained' | 'possible';
}

/** One figure of a row. The field `row` stands for a whole row that the other side does not have. */
export interface FieldDifference {
  field: string;
  there: string | null;
  here: string | null;
  findings: Finding[];
}

export interface Difference {
  kind: 'differs' | 'only-there' | 'only-here';
  /** What the row is about, for people. */
  row: string;
  certainty: Certainty;
  fields: FieldDifference[];
}

export interface Comparison {
  /** Rows that agree in all that the original keeps. */
  equal: number;
  /** Sorted by row: of each certainty so many as memory is to hold. */
  differences: Difference[];
  /** Counts of those beyond; absent where there are none. */
  unlisted?: Summary;
}

/** What is known of our pass over the scan. Null where it is not known: what cannot be refuted by it then stays possible. */
export interface PassFacts {
  /** Mount point: our base directory of what lies below none. */
  mount: string;
  /** Lines of the scan. */
  lines: number | null;
  /** The instant from which days are counted, Unix seconds. */
  scannedAt: number | null;
  /** How hard links were counted here. */
  hardLinks: 'once' | 'divide';
  /** Bytes that hard links would have counted again. */
  hardLinkedBytes: bigint | null;
}

/** Lines of one of the original's messages. */
const blockLines = 250;
/** How many workers of one volume could each count a directory's own entry. */
export const workersPerVolume = 6;

/** Lines of the scan that the original never counted; null when unknown. */
export const lostLines = ({ lines }: PassFacts): number | null => (lines === null ? null : lines % blockLines);

/** B1, when `records` (at least) may be among the lines that were lost. */
export function lostBlock(facts: PassFacts, records = 1): Finding[] {
  return records < blockLines ? when(records <= (lostLines(facts) ?? records), 'B1') : [];
}

/** Whether hard links may make up a difference of so many bytes. */
export const withinHardLinks = (facts: PassFacts, bytes: bigint): boolean => facts.hardLinkedBytes === null || magnitude(bytes) <= facts.hardLinkedBytes;

/** Faults of sums of bytes per link: by user, and by group and base directory. */
export function linkFindings(there: bigint, here: bigint, facts: PassFacts): Finding[] {
  const difference = there - here;
  return [
    ...when(facts.hardLinks === 'once' && withinHardLinks(facts, difference), 'B3'),
    // A double has 53 bits: each addition and division is off by half of the last one at most.
    ...when(here > 2n ** 53n && magnitude(difference) <= here / 2n ** 52n, 'B4'),
  ];
}

/** B21, for days that are next to each other; N8 and B18 where the day itself shows them. */
export function dayFindings(there: string | null, here: string | null, recordDate: string, between: (from: string, to: string) => number): Finding[] {
  if (there === null || here === null) return [];
  return [
    ...when(there > recordDate, 'B18', 'explained'),
    ...when(there === '1970-01-01' && here < there, 'N8', 'explained'),
    ...when(Math.abs(between(there, here)) === 1, 'B21'),
  ];
}

export const finding = (fault: FaultId, certainty: Finding['certainty'] = 'possible'): Finding[] => [{ fault, certainty }];

/** The finding, if the fault fits. */
export const when = (fits: boolean, fault: FaultId, certainty?: Finding['certainty']): Finding[] => (fits ? finding(fault, certainty) : []);

/** Nothing when both figures are one. The findings are asked for only where they are not. */
export function fieldDifference(field: string, there: bigint | number | string | null, here: bigint | number | string | null, findings: () => Finding[]): FieldDifference[] {
  return there === here ? [] : [{ field, there: textOf(there), here: textOf(here), findings: findings() }];
}

const textOf = (value: bigint | number | string | null): string | null => (value === null ? null : String(value));

/** Counts differences. */
class Tally {
  private readonly counts = { explained: 0, possible: 0, unexplained: 0, onlyThere: 0, onlyHere: 0 };
  private readonly faults = new Map<FaultId, FaultCount>();

  add(difference: Difference): void {
    const { kind, certainty, fields } = difference;
    this.counts[certainty]++;
    if (kind === 'only-there') this.counts.onlyThere++;
    if (kind === 'only-here') this.counts.onlyHere++;
    const proved = new Map<FaultId, boolean>();
    for (const { fault, certainty: found } of fields.flatMap(({ findings }) => findings)) proved.set(fault, proved.get(fault) === true || found === 'explained');
    for (const [fault, explained] of proved) this.addFault({ fault, rows: 1, explained: explained ? 1 : 0, example: differenceText(difference) });
  }

  addAll({ equal: _equal, faults, ...counts }: Summary): void {
    for (const name of ['explained', 'possible', 'unexplained', 'onlyThere', 'onlyHere'] as const) this.counts[name] += counts[name];
    for (const each of faults) this.addFault(each);
  }

  summary(equal: number): Summary {
    return { equal, ...this.counts, faults: [...this.faults.values()].sort((a, b) => b.rows - a.rows || (a.fault < b.fault ? -1 : 1)) };
  }

  private addFault({ fault, rows, explained, example }: FaultCount): void {
    const known = this.faults.get(fault) ?? { fault, rows: 0, explained: 0, example: '' };
    // An example that proves the fault is worth more than one that may be another.
    if (known.example === '' || (explained > 0 && known.explained === 0)) known.example = example;
    known.rows += rows;
    known.explained += explained;
    this.faults.set(fault, known);
  }
}

/** Differences of each certainty that are listed. All are counted. */
const mostListed = 50_000;

/** Collects what a comparison finds. */
export class Findings {
  private equal = 0;
  private readonly differences: Difference[] = [];
  private readonly listed: Record<Certainty, number> = { explained: 0, possible: 0, unexplained: 0 };
  private readonly unlisted = new Tally();
  private readonly most: number;

  constructor(most = mostListed) {
    this.most = most;
  }

  /** Rows of both sides that belong together. */
  pair(row: string, fields: FieldDifference[]): void {
    if (fields.length === 0) this.equal++;
    else this.add({ kind: 'differs', row, certainty: certaintyOf(fields), fields });
  }

  /** A row that only the original has. */
  onlyThere(row: string, figure: string, findings: Finding[]): void {
    this.single('only-there', row, { field: 'row', there: figure, here: null, findings });
  }

  /** A row that only we have. */
  onlyHere(row: string, figure: string, findings: Finding[]): void {
    this.single('only-here', row, { field: 'row', there: null, here: figure, findings });
  }

  /** Sorted by row. */
  finish(): Comparison {
    const unlisted = this.unlisted.summary(0);
    return {
      equal: this.equal,
      differences: this.differences.toSorted((a, b) => (a.row < b.row ? -1 : a.row > b.row ? 1 : 0)),
      ...(rowsOf(unlisted) === 0 ? {} : { unlisted }),
    };
  }

  private single(kind: 'only-there' | 'only-here', row: string, field: FieldDifference): void {
    this.add({ kind, row, certainty: certaintyOf([field]), fields: [field] });
  }

  private add(difference: Difference): void {
    if (this.listed[difference.certainty]++ < this.most) this.differences.push(difference);
    else this.unlisted.add(difference);
  }
}

const certainties: readonly Certainty[] = ['explained', 'possible', 'unexplained'];

/** That of the best finding of the worst field. */
export function certaintyOf(fields: readonly FieldDifference[]): Certainty {
  const each = fields.map(({ findings }) => Math.min(2, ...findings.map(({ certainty }) => certainties.indexOf(certainty))));
  return certainties[Math.max(...each)]!;
}

export interface Summary {
  equal: number;
  explained: number;
  possible: number;
  unexplained: number;
  onlyThere: number;
  onlyHere: number;
  /** The faults met, most frequent first: in how many rows, in how many of them proved, and one of these. */
  faults: FaultCount[];
}

export interface FaultCount {
  fault: FaultId;
  rows: number;
  explained: number;
  example: string;
}

/** Rows that differ. */
export const rowsOf = ({ explained, possible, unexplained }: Summary): number => explained + possible + unexplained;

/** Counts of rows over all of them. Those that only one side has are among the explained, possible and unexplained ones too. */
export function summaryOf(...comparisons: readonly Comparison[]): Summary {
  const tally = new Tally();
  for (const { differences, unlisted } of comparisons) {
    for (const difference of differences) tally.add(difference);
    if (unlisted !== undefined) tally.addAll(unlisted);
  }
  return tally.summary(comparisons.reduce((sum, { equal }) => sum + equal, 0));
}

/** A difference in one line: `hgi /lustre/a: used 12 there, 13 here`. */
export function differenceText({ kind, row, fields }: Difference): string {
  if (kind === 'only-there') return `${row}: only there (${fields[0]!.there})`;
  if (kind === 'only-here') return `${row}: only here (${fields[0]!.here})`;
  return `${row}: ${fields.map(({ field, there, here }) => `${field} ${there ?? 'nothing'} there, ${here ?? 'nothing'} here`).join('; ')}`;
}

/** Rows by key. */
export function byKey<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const found = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const same = found.get(key);
    if (same === undefined) found.set(key, [row]);
    else same.push(row);
  }
  return found;
}

export const keyOf = (...parts: readonly (string | null)[]): string => JSON.stringify(parts);

/** A group as both sides know it: what has no name there is called `gid:1234` here, and the numbers cannot be told apart. */
export const groupClass = (group: string | null): string | null => (group === null || /^gid:\d+$/u.test(group) ? null : group);

export const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);
