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
const itemLine = /^[<>ch.*][fdLDS][^|]{9}\|/u;
const nameAt = 12;
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
  /** All of it came: the last of the statistics did. rsync ends well also when nobody can keep what it writes. */
  complete = false;
  readonly #decoder = new TextDecoder();
  #rest = '';

  /** Returns whether anything went on: more bytes, another file. An empty line of a guard is no progress. */
  push(chunk: Uint8Array): boolean {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split(/[\r\n]/u);
    this.#rest = lines.pop()!;
    const before = { ...this.progress };
    const differencesBefore = this.differences;
    // Of many small files each brings two lines. Only the last one tells how far the copy is; files are counted by the last one that has their number.
    let latest = '';
    let latestWithFiles = '';
    let file: string | null = null;
    for (const line of lines) {
      if (line.startsWith(' ')) {
        latest = line;
        if (line.includes('(xfr#')) latestWithFiles = line;
      } else if (itemLine.test(line)) {
        file = this.#readItem(line) ?? file;
      } else if (line !== '') {
        this.#readStatistics(line);
      }
    }
    if (file !== null) this.progress.file = decodeName(file);
    if (latestWithFiles !== latest) this.#readProgress(latestWithFiles);
    this.#readProgress(latest);
    const { bytes, files, filesLeft } = this.progress;
    return bytes !== before.bytes || files !== before.files || filesLeft !== before.filesLeft || this.differences !== differencesBefore;
  }

  #readProgress(line: string): void {
    const [, bytes, rate, unit, hours, minutes, seconds, files, stage, left] = progressLine.exec(line) ?? [];
    if (bytes === undefined) return;
    const { progress } = this;
    progress.bytes = Number(bytes);
    progress.bytesPerSecond = Math.round(Number(rate) * scale[unit!]!);
    if (files !== undefined) {
      progress.files = Number(files);
      progress.filesLeft = stage === 'to' ? Number(left) : null;
    }
    progress.secondsLeft = progress.filesLeft === null ? null : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  }

  /** Returns the name of a regular file, as rsync writes it. */
  #readItem(line: string): string | null {
    this.differences++;
    if (line[1] !== 'f') return null;
    const name = line.slice(nameAt);
    if (line[0] !== '<' && line[0] !== '>') return name; // attributes only
    this.totals.changedFiles++;
    if (this.totals.changedNames.length < namesKept) this.totals.changedNames.push(decodeName(name));
    return name;
  }

  #readStatistics(line: string): void {
    for (const [pattern, key] of statistics) {
      const value = pattern.exec(line)?.[1];
      if (value === undefined) continue;
      this.totals[key] = Number(value);
      this.complete ||= key === 'matchedBytes';
    }
  }
}

/** rsync writes control characters, and a backslash that would be taken for the beginning of one, as `\#` and three octal digits. */
function decodeName(name: string): string {
  return name.replaceAll(/\\#([0-7]{3})/gu, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
}
