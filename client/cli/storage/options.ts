/** What options of storage commands mean. */
import { Option } from 'commander';
import type { CommandContext } from '../context.ts';
import { plainDate, positive } from '../options.ts';

/** The date that was asked for, else today in the site's zone. Throws `ContractError` for what is no date. */
export async function dateOf({ config }: CommandContext, date: string | undefined, option = '--date'): Promise<string> {
  if (date !== undefined) return plainDate(option, date);
  const { plainDateAt } = await import('../../../activities/storage/find-scan.ts');
  return plainDateAt(new Date(), config.site.timeZone);
}

/** Rows of a table unless more or fewer are asked for. JSON and TSV are for programs, which get all. */
const tableRows = 20;

export const topOption = (): Option => new Option('--top <n>', `at most so many rows (default: all; ${tableRows} in a table)`);

/** How many rows are given out. */
export function rowsAskedFor({ json }: CommandContext, { top, tsv }: { top?: string; tsv?: boolean }): number {
  if (top !== undefined) return positive('--top', top);
  return json || tsv === true ? all : tableRows;
}

/** With one more it is still a number that databases take as a limit. */
export const all = 2 ** 31 - 2;

export const sortOption = (keys: readonly string[]): Option => new Option('--sort <key>', 'what comes first').choices(keys).default(keys[0]);

export type Order<Row> = (a: Row, b: Row) => number;

/** The largest `key` first; rows of the same one in the order `otherwise`. */
export function descending<Row>(key: (row: Row) => bigint, otherwise: Order<Row>): Order<Row> {
  return (a, b) => {
    const [left, right] = [key(a), key(b)];
    return left > right ? -1 : left < right ? 1 : otherwise(a, b);
  };
}

/** For stores that take a list of volumes or none. */
export const onlyVolume = (volume: string | undefined): { volumes?: string[] } => (volume === undefined ? {} : { volumes: [volume] });

/** Tab-separated lines with a header. */
export async function tsv<Row>(rows: readonly Row[], columns: readonly (readonly [header: string, text: (row: Row) => string | number | bigint | null])[]): Promise<string> {
  const { tsvField } = await import('../../../domain/storage/tsv.ts');
  return [columns.map(([header]) => header), ...rows.map((row) => columns.map(([, text]) => tsvField(text(row))))].map((fields) => fields.join('\t')).join('\n');
}
