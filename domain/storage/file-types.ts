/** What kind of data files hold, told by the ends of their names. */
import { OperationError } from '../errors.ts';
import { pathBytes } from './path-text.ts';

export interface FileType {
  label: string;
  /** Ends of base names; a name that is nothing but the suffix (`.bam`) counts too. */
  suffixes: readonly string[];
  /** ASCII letters match in either case. */
  ignoreCase?: boolean;
}

const each = (stems: readonly string[], ...endings: readonly string[]): string[] => stems.flatMap((stem) => endings.map((ending) => stem + ending));

/** The original's types. `CRAM` there asked for `.gz`, so that no real one was found; readers of old figures may want that. */
export const lurgeFileTypes: readonly FileType[] = [
  { label: 'SAM', suffixes: ['.sam', '.sam.gz'] },
  { label: 'BAM', suffixes: ['.bam', '.bam.gz'] },
  { label: 'FASTQ', suffixes: ['.fastq'] },
  { label: 'FASTQ (gzip)', suffixes: ['.fastq.gz'] },
  { label: 'CRAM', suffixes: ['.cram.gz'] },
  { label: 'VCF', suffixes: ['.vcf', '.bcf', '.gvcf'] },
  { label: 'VCF (gzip)', suffixes: ['.vcf.gz', '.bcf.gz', '.gvcf.gz'] },
  { label: 'PEDBED', suffixes: ['.ped', '.bed', '.ped.gz', '.bed.gz'] },
];

/** The same labels with what people mean by them: `.cram`, `.fq` and capitals too. */
export const defaultFileTypes: readonly FileType[] = [
  { label: 'SAM', suffixes: each(['.sam'], '', '.gz'), ignoreCase: true },
  { label: 'BAM', suffixes: each(['.bam'], '', '.gz'), ignoreCase: true },
  { label: 'FASTQ', suffixes: ['.fastq', '.fq'], ignoreCase: true },
  { label: 'FASTQ (gzip)', suffixes: each(['.fastq', '.fq'], '.gz'), ignoreCase: true },
  { label: 'CRAM', suffixes: each(['.cram'], '', '.gz'), ignoreCase: true },
  { label: 'VCF', suffixes: ['.vcf', '.bcf', '.gvcf'], ignoreCase: true },
  { label: 'VCF (gzip)', suffixes: each(['.vcf', '.bcf', '.gvcf'], '.gz'), ignoreCase: true },
  { label: 'PEDBED', suffixes: each(['.ped', '.bed'], '', '.gz'), ignoreCase: true },
];

/** Types of a file are bits of an integer. */
const mostTypes = 31;

/** Finds the types of a file by the end of its path. */
export class FileTypes {
  /** By type. */
  readonly labels: readonly string[];
  private readonly exact = new SuffixTree((byte) => [byte]);
  private readonly anyCase = new SuffixTree((byte) => (isLetter(byte) ? [byte, byte ^ 0x20] : [byte]));

  /** Throws `ConfigError` for more than 31 types, two with one label, and a suffix that is empty or has a slash. */
  constructor(types: readonly FileType[]) {
    if (types.length > mostTypes) throw new OperationError('ConfigError', `There are ${types.length} file types; at most ${mostTypes} are possible.`);
    this.labels = types.map((type) => type.label);
    const twice = this.labels.find((label, index) => this.labels.indexOf(label) < index);
    if (twice !== undefined) throw new OperationError('ConfigError', `There are two file types named ${twice}.`);
    for (const [index, { label, suffixes, ignoreCase = false }] of types.entries()) {
      for (const suffix of suffixes) {
        if (suffix === '' || suffix.includes('/')) throw new OperationError('ConfigError', `“${suffix}” cannot be the end of a file's name (file type ${label}).`);
        (ignoreCase ? this.anyCase : this.exact).insert(pathBytes(suffix), 1 << index);
      }
    }
  }

  /** The types of the file whose path is the first `length` bytes, a bit each: 1 for the first type. */
  of(path: Uint8Array, length: number): number {
    return this.exact.find(path, length) | this.anyCase.find(path, length);
  }
}

const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;

/** Suffixes from their last byte to their first: one or two bytes dismiss most names. */
class SuffixTree {
  /** By node × 256 + byte: the next node, or 0. Node 0 is the end of the path. */
  private next = new Uint16Array(256);
  /** By node: the types of the suffix that begins there. */
  private readonly types: number[] = [0];
  private readonly spellings: (byte: number) => readonly number[];

  /** `spellings`: the bytes that one byte of a suffix stands for. */
  constructor(spellings: (byte: number) => readonly number[]) {
    this.spellings = spellings;
  }

  insert(suffix: Uint8Array, type: number): void {
    let node = 0;
    for (const byte of suffix.toReversed()) {
      let child = this.next[node * 256 + byte]!;
      if (child === 0) {
        child = this.types.push(0) - 1;
        const next = new Uint16Array(this.next.length + 256);
        next.set(this.next);
        for (const spelling of this.spellings(byte)) next[node * 256 + spelling] = child;
        this.next = next;
      }
      node = child;
    }
    this.types[node]! |= type;
  }

  find(path: Uint8Array, length: number): number {
    const { next } = this;
    let types = 0;
    let node = 0;
    // A suffix has no slash, and every path begins with one: the walk ends within the base name.
    for (let at = length - 1; (node = next[node * 256 + path[at]!]!) !== 0; at--) types |= this.types[node]!;
    return types;
  }
}
