/** `longshore storage scan`: one pass over one stat file, here and now, without a server or a database. */
import path from 'node:path';
import { type Command, Option } from 'commander';
import type { PassOptions, PassResult } from '../../../activities/storage/read-scan/index.ts';
import type { StorageConfig } from '../../../config/schema.ts';
import { formatDuration } from '../../../domain/duration.ts';
import { OperationError } from '../../../domain/errors.ts';
import { parseScanName } from '../../../domain/storage/scan-files.ts';
import type { GroupUsage, LineCounts } from '../../../domain/storage/usage.ts';
import { formatBytes } from '../../../domain/units.ts';
import { type CommandContext, withContext } from '../context.ts';
import { endWith } from '../exit-codes.ts';
import { note, paint, print, printJson, safeText, shorten, table, terminalWidth } from '../output.ts';
import { bar, progressText } from './render.ts';

interface ScanOptions {
  basedirs?: string;
  groups?: string;
  volume?: string;
  mount?: string;
  size?: PassOptions['size'];
  hardLinks?: PassOptions['hardLinks'];
  top: number;
}

export function registerScan(storage: Command): void {
  storage
    .command('scan <file>')
    .description('show what one stat file holds; needs no server')
    .option('--basedirs <file>', 'base directories: gid TAB directory a line (default: computed)')
    .option('--groups <file>', 'names of groups, as `getent group` prints them')
    .option('--volume <name>', 'the volume (default: from the file’s name)')
    .option('--mount <dir>', 'its mount point (default: from the file’s name)')
    .addOption(new Option('--size <which>', 'size to count (default: as configured)').choices(['recorded', 'apparent']))
    .addOption(new Option('--hard-links <rule>', 'how to count hard links (default: as configured)').choices(['once', 'divide']))
    .addOption(new Option('--top <n>', 'rows of each table').argParser(rowsOf).default(15))
    .action((file: string, options: ScanOptions, command: Command) => withContext(command, (context) => scan(context, file, options)));
}

function rowsOf(text: string): number {
  if (!/^[1-9]\d{0,8}$/u.test(text)) throw new OperationError('ContractError', `--top has “${text}”: expected a number of rows.`);
  return Number(text);
}

/** What a scan holds, with the names of its groups where they are known. */
export interface ScanSummary extends PassResult {
  file: string;
  volume: string;
  names: ReadonlyMap<number, string>;
}

async function scan(context: CommandContext, file: string, options: ScanOptions): Promise<void> {
  const config = context.config.storage;
  const { volume, pass } = await passOf(config, file, options);
  const names = await namesOf(config, options.groups);
  const result = await readWithProgress(pass, context);
  const { lines } = result;
  if (context.json) {
    printJson({ file, volume, ...result, groups: result.groups.map((row) => ({ group: names.get(row.gid) ?? null, ...row })) });
  } else print(renderScan({ file, volume, names, ...result }, { top: options.top, width: terminalWidth() }));
  if (lines.rejected <= config.rejectedLinesAllowed) return;
  const [first] = lines.firstRejected;
  note(safeText(`${file}, line ${first?.line}: ${first?.reason}. A report would not load this scan: ${lines.rejected} lines cannot be used (allowed: ${config.rejectedLinesAllowed}).`));
  endWith('failed');
}

async function passOf(config: StorageConfig, file: string, options: ScanOptions): Promise<{ volume: string; pass: PassOptions }> {
  const [{ readBaseDirectories }, { stat }] = await Promise.all([import('../../../activities/storage/read-scan/index.ts'), import('node:fs/promises')]);
  const named = scannedOf(file);
  const volume = options.volume ?? named.volume;
  const { minimumDepth, rules } = config.baseDirectories;
  // Of a file that is not there the pass tells.
  const scannedAt = await stat(file).then(({ mtimeMs }) => Math.floor(mtimeMs / 1000), () => 0);
  const pass: PassOptions = {
    path: file,
    volume,
    mount: options.mount ?? config.volumes.find((each) => each.name === volume)?.mount ?? named.mount,
    scannedAt,
    size: options.size ?? config.size,
    hardLinks: options.hardLinks ?? config.hardLinks,
    baseDirectories: options.basedirs === undefined ? { kind: 'computed', minimumDepth, rules } : await readBaseDirectories(options.basedirs),
    pseudoGroups: config.pseudoGroups.map(({ prefix, gid }) => ({ prefix, gid })),
    pathAliases: config.pathAliases,
    // All are told of; whether they are too many is said at the end.
    rejectedLinesAllowed: Number.MAX_SAFE_INTEGER,
  };
  return { volume, pass };
}

/** What the name of a scanner's file says of the volume; of any other file its own name and the root. */
function scannedOf(file: string): { volume: string; mount: string } {
  const absolute = path.resolve(file);
  const name = parseScanName(path.basename(absolute)) ?? parseScanName(path.basename(path.dirname(absolute)));
  if (name === null) return { volume: path.basename(absolute), mount: '/' };
  if ('path' in name.scanned) return { volume: path.basename(name.scanned.path), mount: name.scanned.path };
  return { volume: name.scanned.basename, mount: `/lustre/${name.scanned.basename}` };
}

async function namesOf(config: StorageConfig, dump: string | undefined): Promise<Map<number, string>> {
  const names = new Map(config.pseudoGroups.map(({ gid, group }) => [gid, group]));
  if (dump === undefined) return names;
  const [{ readDumps }, { readSecret }] = await Promise.all([import('../../../activities/platform/directory-service/dumps.ts'), import('../../../config/secrets.ts')]);
  const { groups, note: remark } = await readDumps({ group: dump }, { readSecret });
  if (remark !== null) note(safeText(remark));
  for (const { gid, name } of groups) names.set(gid, name);
  return names;
}

/** In a thread of its own, so that an interrupt is heard at once. */
async function readWithProgress(pass: PassOptions, { signal, json }: CommandContext): Promise<PassResult> {
  const [{ passFileInThread }, { createLogUpdate }] = await Promise.all([import('../../../activities/storage/read-scan/index.ts'), import('log-update')]);
  const draw = process.stderr.isTTY && !json ? createLogUpdate(process.stderr) : undefined;
  try {
    return await passFileInThread(pass, { signal, onProgress: (progress) => draw?.(shorten(progressText(progress), process.stderr.columns)) });
  } finally {
    draw?.clear();
  }
}

const typeNames: Record<string, [string, string]> = {
  f: ['file', 'files'],
  d: ['directory', 'directories'],
  l: ['link', 'links'],
  s: ['socket', 'sockets'],
  b: ['block device', 'block devices'],
  c: ['character device', 'character devices'],
  F: ['pipe', 'pipes'],
  X: ['other', 'others'],
};

const count = (value: number): string => value.toLocaleString('en-GB');

/** The day of an instant (UTC), or the number itself where no calendar has one. */
function dayOf(seconds: number | null): string {
  if (seconds === null) return 'never';
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString().slice(0, 10);
}

/** A scan as people read it, in `width` columns; tables of the largest `top` rows. */
export function renderScan(summary: ScanSummary, { top, width }: { top: number; width: number }): string {
  return [heading(summary, Math.min(width, 100)), groupTable(summary, top, width), directoryTable(summary, top, width), rejectedLines(summary.lines)].filter((part) => part !== '').join('\n\n');
}

function heading({ file, volume, totals, lines, bytes, fileBytes, seconds }: ScanSummary, width: number): string {
  const { types, newestAccess, newestModification, newestChange } = totals;
  const kinds = Object.entries(types)
    .sort((a, b) => b[1] - a[1])
    .map(([type, number]) => `${count(number)} ${typeNames[type]?.[number === 1 ? 0 : 1] ?? type}`);
  const again = BigInt(totals.hardLinkedBytesSkipped);
  const facts: [string, string][] = [
    ['Size', `${formatBytes(BigInt(totals.bytes))}${again === 0n ? '' : ` (hard links would add ${formatBytes(again)})`}`],
    ['Entries', `${count(totals.entries)}: ${kinds.join(', ')}`],
    ['Newest', `modified ${dayOf(newestModification)}, accessed ${dayOf(newestAccess)}, changed ${dayOf(newestChange)}`],
    ['Lines', `${count(lines.accepted)} accepted, ${count(lines.rejected)} rejected${lines.blank === 0 ? '' : `, ${count(lines.blank)} blank`}`],
    ['Read', `${formatBytes(BigInt(fileBytes))} (${formatBytes(BigInt(bytes))} of text) in ${formatDuration(seconds)}: ${rate((lines.accepted + lines.rejected) / seconds)} lines/s, ${formatBytes(BigInt(Math.round(bytes / seconds)))}/s`],
  ];
  const label = 9;
  return [
    `${paint('strong', safeText(volume))}  ${paint('quiet', shorten(safeText(file), Math.max(1, width - volume.length - 2), 'middle'))}`,
    ...facts.flatMap(([name, text]) => wrapped(text, width - label).map((part, index) => `${(index === 0 ? name : '').padEnd(label)}${part}`)),
  ].join('\n');
}

const rate = (perSecond: number): string => (perSecond < 1e6 ? count(Math.round(perSecond)) : `${(perSecond / 1e6).toFixed(1)} M`);

/** Text in lines of at most `width` characters, broken at spaces. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

const nameOf = (names: ReadonlyMap<number, string>, gid: number): string => names.get(gid) ?? `gid:${gid}`;
const bySize = (a: { bytes: bigint; gid: number }, b: { bytes: bigint; gid: number }): number => (a.bytes === b.bytes ? a.gid - b.gid : a.bytes > b.bytes ? -1 : 1);

function groupTable({ groups, names, totals }: ScanSummary, top: number, width: number): string {
  const sums = new Map<number, { gid: number; bytes: bigint; entries: number; newest: number }>();
  for (const { gid, bytes, entries, newest } of groups) {
    const sum = sums.get(gid) ?? { gid, bytes: 0n, entries: 0, newest: -Infinity };
    sums.set(gid, { gid, bytes: sum.bytes + BigInt(bytes), entries: sum.entries + entries, newest: Math.max(sum.newest, newest ?? -Infinity) });
  }
  const rows = [...sums.values()].sort(bySize);
  const part = (bytes: bigint, whole: bigint): number => (whole === 0n ? 0 : Number((bytes * 10_000n) / whole) / 10_000);
  const total = BigInt(totals.bytes);
  const largest = rows[0]?.bytes ?? 0n;
  return section(
    table(
      [{ title: 'Group', shrink: 'end' }, { title: 'Size', align: 'right' }, { title: '' }, { title: 'Share', align: 'right' }, { title: 'Entries', align: 'right' }, { title: 'Modified', align: 'right' }],
      rows.slice(0, top).map(({ gid, bytes, entries, newest }) => [
        nameOf(names, gid), formatBytes(bytes), bar(part(bytes, largest), 14), `${(part(bytes, total) * 100).toFixed(1)} %`, count(entries), dayOf(newest),
      ]),
      width,
    ),
    rows.length - top,
    'groups',
  );
}

function directoryTable({ groups, names }: ScanSummary, top: number, width: number): string {
  const rows = groups.map((row: GroupUsage) => ({ ...row, bytes: BigInt(row.bytes) })).sort(bySize);
  return section(
    table(
      [{ title: 'Group', shrink: 'end' }, { title: 'Base directory', shrink: 'middle' }, { title: 'Size', align: 'right' }, { title: 'Files', align: 'right' }, { title: 'Modified', align: 'right' }],
      rows.slice(0, top).map(({ gid, baseDirectory, bytes, files, newest }) => [nameOf(names, gid), baseDirectory, formatBytes(bytes), count(files), dayOf(newest)]),
      width,
    ),
    rows.length - top,
    'base directories',
  );
}

const section = (text: string, more: number, what: string): string => (more > 0 ? `${text}\n${paint('quiet', `… and ${count(more)} more ${what} (--top)`)}` : text);

function rejectedLines({ rejected, firstRejected }: LineCounts): string {
  if (rejected === 0) return '';
  const shown = firstRejected.map(({ line, reason }) => `  line ${count(line)}: ${safeText(reason)}`);
  const more = rejected - firstRejected.length;
  return [paint('warning', `${count(rejected)} ${rejected === 1 ? 'line' : 'lines'} rejected`), ...shown, ...(more > 0 ? [`  … and ${count(more)} more`] : [])].join('\n');
}
