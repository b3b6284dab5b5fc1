/**
 * What commands write. Results go to standard output, everything else to standard error; with `--json` standard output is
 * exactly one JSON document. Names from outside cannot move the cursor or colour the terminal.
 */
import { once } from 'node:events';
import { styleText } from 'node:util';
import stringWidth from 'string-width';

export type Style = 'good' | 'warning' | 'bad' | 'quiet' | 'strong';

const formats = { good: 'green', warning: 'yellow', bad: 'red', quiet: 'dim', strong: 'bold' } as const;

/** Coloured where the stream is a terminal and nobody objects (NO_COLOR, --no-color). The text must be safe already. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(formats[style], text, { stream });
}

/** `--no-color` for this process and what it starts. */
export function withoutColour(): void {
  delete process.env['FORCE_COLOR'];
  process.env['NO_COLOR'] = '1';
}

// Controls, and what reorders text: a file's name must not look like another one.
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}]/gu;

/** One line of text that shows every control character instead of obeying it: `\x1b`, `\u202e`, `\n`. */
export function safeText(text: string): string {
  return text.replace(unsafe, (character) => {
    if (character === '\n') return String.raw`\n`;
    if (character === '\t') return String.raw`\t`;
    const code = character.charCodeAt(0);
    return code < 0x100 ? String.raw`\x` + code.toString(16).padStart(2, '0') : String.raw`\u` + code.toString(16).padStart(4, '0');
  });
}

/** Writes a line to standard output. */
export function print(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** Writes a line to standard error: progress, warnings, hints. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

let documents = 0;

/** Writes the JSON document of a command. Integers beyond 2^53 are decimal strings. */
export function printJson(value: unknown): void {
  documents++;
  print(jsonText(value));
}

const jsonText = (value: unknown): string => JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part), 2);

/** The same for a list that memory cannot hold. */
export async function printJsonList(items: AsyncIterable<unknown>): Promise<void> {
  documents++;
  await printBlocks(jsonList(items));
}

async function* jsonList(items: AsyncIterable<unknown>): AsyncGenerator<string> {
  let before = '[';
  for await (const item of items) {
    yield `${before}\n  ${jsonText(item).replaceAll('\n', '\n  ')}`;
    before = ',';
  }
  yield before === '[' ? '[]\n' : '\n]\n';
}

const blockCharacters = 64 * 1024;

/** Writes text as it comes to standard output, and waits for whoever reads it. */
export async function printBlocks(texts: AsyncIterable<string>): Promise<void> {
  let block = '';
  for await (const text of texts) {
    block += text;
    if (block.length < blockCharacters) continue;
    if (!process.stdout.write(block)) await once(process.stdout, 'drain');
    block = '';
  }
  process.stdout.write(block);
}

/** True once this process wrote its JSON document. */
export function hasPrintedJson(): boolean {
  return documents > 0;
}

export interface Column {
  title: string;
  /** Numbers stand at the right. Default left. */
  align?: 'left' | 'right';
  /** Which part may be left out when the terminal is narrow: the middle of a path, the end of a sentence. Default: none. */
  shrink?: 'middle' | 'end';
}

/** A cell; null is an empty one. The text may come from anywhere. */
export type Cell = string | { text: string; style: Style } | null;

const gap = '  ';
const narrowestColumn = 12;

/** The terminal's width; unlimited where there is none, because programs want whole lines. */
export function terminalWidth(): number {
  return process.stdout.isTTY ? process.stdout.columns : Infinity;
}

/** A table with a line of titles. Columns that may shrink do so until the lines fit into `width` display columns. */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number = terminalWidth()): string {
  const texts = rows.map((row) => columns.map((_, index) => safeText(textOf(row[index] ?? null))));
  const widths = columns.map((column, index) => Math.max(stringWidth(column.title), ...texts.map((row) => stringWidth(row[index]!))));
  let excess = widths.reduce((sum, each) => sum + each, 0) + gap.length * (columns.length - 1) - width;
  while (excess > 0) {
    const widest = columns.reduce<number | null>((best, column, index) => {
      const candidate = column.shrink !== undefined && widths[index]! > narrowestColumn;
      return candidate && (best === null || widths[index]! > widths[best]!) ? index : best;
    }, null);
    if (widest === null) break;
    widths[widest]!--;
    excess--;
  }
  const line = (cells: readonly string[], finish: (text: string, index: number) => string): string =>
    cells.map((text, index) => finish(pad(shorten(text, widths[index]!, columns[index]!.shrink), widths[index]!, columns[index]!.align, index === columns.length - 1), index)).join(gap).trimEnd();
  return [
    line(columns.map((column) => column.title), (text) => paint('quiet', text)),
    ...rows.map((row, number) =>
      line(texts[number]!, (text, index) => {
        const cell = row[index];
        return typeof cell === 'object' && cell !== null ? paint(cell.style, text) : text;
      }),
    ),
  ].join('\n');
}

/** A column of rows that are all of one kind. */
export interface RowColumn<Row> extends Column {
  /** Left out where the room is less. Default: never. */
  from?: number;
  cell: (row: Row) => Cell;
}

/** A table of such rows, with the columns that there is `room` for. */
export function rowTable<Row>(columns: readonly RowColumn<Row>[], rows: readonly Row[], width: number = terminalWidth(), room: number = width): string {
  const shown = columns.filter(({ from = 0 }) => room >= from);
  return table(shown, rows.map((row) => shown.map(({ cell }) => cell(row))), width);
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : (cell?.text ?? '');
}

function pad(text: string, width: number, align: Column['align'], last: boolean): string {
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return align === 'right' ? space + text : last ? text : text + space;
}

/** What people count as characters. Made when needed: it takes longer than most commands' help. */
let segmenter: Intl.Segmenter | undefined;

function charactersOf(text: string): string[] {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** Text of at most `width` display columns, with `…` where something is left out. */
export function shorten(text: string, width: number, part: 'middle' | 'end' = 'end'): string {
  if (stringWidth(text) <= width) return text;
  if (width < 1) return '';
  const characters = charactersOf(text);
  const headWidth = part === 'end' ? width - 1 : Math.ceil((width - 1) / 2);
  const head = fitting(characters, headWidth);
  const tail = part === 'end' ? [] : fitting(characters.toReversed(), width - 1 - stringWidth(head.join(''))).toReversed();
  return `${head.join('')}…${tail.join('')}`;
}

/** As many of the first characters as fit. */
function fitting(characters: readonly string[], width: number): string[] {
  let used = 0;
  const end = characters.findIndex((character) => (used += stringWidth(character)) > width);
  return end === -1 ? [...characters] : characters.slice(0, end);
}
