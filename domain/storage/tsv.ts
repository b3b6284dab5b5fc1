/** Tab-separated text, ours and the original's. */

export interface Column<Row> {
  header: string;
  text: (row: Row) => string | number | bigint | null;
}

/** A header, then one line a row, as they come; lines end in `\n`. */
export function tsv<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [columns.map(({ header }) => tsvField(header)).join('\t')];
  for (const row of rows) lines.push(columns.map(({ text }) => tsvField(text(row))).join('\t'));
  return `${lines.join('\n')}\n`;
}

const escapes: Readonly<Record<string, string>> = { '\t': '\\t', '\r': '\\r', '\n': '\\n', '"': '\\"', '\\': '\\\\' };
const escaped = (character: string): string => escapes[character]!;

/** A field on one line: TAB, CR, LF and backslash escaped, null empty. */
export function tsvField(value: string | number | bigint | null): string {
  return value === null ? '' : String(value).replace(/[\t\r\n\\]/g, escaped);
}

/** A field as the original wrote it: as it is; escaped where the original gave up. */
export function lurgeField(text: string): string {
  return /[\t\r\n"]/.test(text) ? text.replace(/[\t\r\n"\\]/g, escaped) : text;
}
