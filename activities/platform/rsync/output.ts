/** What rsync writes with `--info=progress2 --no-human-readable --stats --out-format=%i|%n`, read while it comes. */

/** How far a copy is. */
export interface RsyncProgress {
  /** Of the files that had to be copied, parts that were there already included. */
  bytes: number;
  /** Files copied so far. */
  files: number;
  /** Files not yet looked at; null while rsync still lists the source. */
  filesLeft: number | null;
  bytesPerSecond: number;
  /** rsync's own estimate; null while it still lists the source. */
  secondsLeft: number | null;
  /** The file last begun, below the destination; null before the first. */
  file: string | null;
}

/** What a finished run did. */
export interface RsyncTotals {
  /** Regular files below the source. */
  files: number;
  /** Their bytes. */
  totalBytes: number;
  /** Regular files whose content was not the same: in a comparing pass, those that still differed. */
  changedFiles: number;
  /** The first ten of them, below the destination. */
  changedNames: string[];
  /** Bytes of data that were transferred. */
  sentBytes: number;
  /** Bytes of changed files that were there already. */
  matchedBytes: number;
}

const namesKept = 10;
const progressLine = /^\s*(\d+)\s+\d+%\s+([\d.]+)([kMGT]?)B\/s\s+(\d+):(\d\d):(\d\d)(?:\s+\(xfr#(\d+), (ir|to)-chk=(\d+)\/\d+\))?\s*$/u;
const itemLine = /^([<>ch.*][fdLDS][^|]{9})\|(.*)$/u;
const scale: Readonly<Record<string, number>> = { '': 1, k: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };
const statistics: readonly [line: RegExp, key: 'files' | 'totalBytes' | 'sentBytes' | 'matchedBytes'][] = [
  [/^Number of files: \d+ \(.*?reg: (\d+)/u, 'files'],
  [/^Total file size: (\d+) bytes/u, 'totalBytes'],
  [/^Literal data: (\d+) bytes/u, 'sentBytes'],
  [/^Matched data: (\d+) bytes/u, 'matchedBytes'],
];

/** Reads rsync's standard output in pieces of any size. */
export class RsyncOutput {
  readonly progress: RsyncProgress = { bytes: 0, files: 0, filesLeft: null, bytesPerSecond: 0, secondsLeft: null, file: null };
  readonly totals: RsyncTotals = { files: 0, totalBytes: 0, changedFiles: 0, changedNames: [], sentBytes: 0, matchedBytes: 0 };
  /** Entries of any kind that differed in anything, their times included. */
  differences = 0;
  readonly #decoder = new TextDecoder();
  #rest = '';

  /** Returns whether anything went on: more bytes, another file. An empty line of a guard is no progress. */
  push(chunk: Uint8Array): boolean {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split(/[\r\n]/u);
    this.#rest = lines.pop()!;
    return lines.reduce((moved, line) => this.#read(line) || moved, false);
  }

  #read(line: string): boolean {
    const at = progressLine.exec(line);
    if (at !== null) return this.#readProgress(at);
    const item = itemLine.exec(line);
    if (item !== null) {
      this.#readItem(item[1]!, decodeName(item[2]!));
      return true;
    }
    for (const [pattern, key] of statistics) {
      const value = pattern.exec(line)?.[1];
      if (value !== undefined) this.totals[key] = Number(value);
    }
    return false;
  }

  #readProgress([, bytes, rate, unit, hours, minutes, seconds, files, stage, left]: RegExpExecArray): boolean {
    const { progress } = this;
    const before = `${progress.bytes} ${progress.files} ${progress.filesLeft}`;
    progress.bytes = Number(bytes);
    progress.bytesPerSecond = Math.round(Number(rate) * scale[unit!]!);
    if (files !== undefined) {
      progress.files = Number(files);
      progress.filesLeft = stage === 'to' ? Number(left) : null;
    }
    progress.secondsLeft = progress.filesLeft === null ? null : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
    return `${progress.bytes} ${progress.files} ${progress.filesLeft}` !== before;
  }

  #readItem(change: string, name: string): void {
    this.differences++;
    if (change[1] !== 'f') return;
    this.progress.file = name;
    if (change[0] !== '<' && change[0] !== '>') return; // attributes only
    this.totals.changedFiles++;
    if (this.totals.changedNames.length < namesKept) this.totals.changedNames.push(name);
  }
}

/** rsync writes control characters, and a backslash that would be taken for the beginning of one, as `\#` and three octal digits. */
function decodeName(name: string): string {
  return name.replaceAll(/\\#([0-7]{3})/gu, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
}
