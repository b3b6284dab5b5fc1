/** A scan as people read it: every product of one pass. */
import type { PassResult } from '../../../activities/storage/read-scan/index.ts';
import { formatDuration } from '../../../domain/duration.ts';
import { ageBands } from '../../../domain/storage/age-bands.ts';
import { splitCosts } from '../../../domain/storage/split-index.ts';
import type { SplitPart } from '../../../domain/storage/split-set.ts';
import { branchName } from '../../../domain/storage/vault-key.ts';
import type { VaultSummary } from '../../../domain/storage/vault-row.ts';
import type { AgeUsage, DirectoryUsage, GroupUsage, LineCounts, UserUsage } from '../../../domain/storage/usage.ts';
import { formatBytes } from '../../../domain/units.ts';
import { paint, safeText, shorten, table } from '../output.ts';
import { bar } from './render.ts';

/** What a scan holds, with the names of its groups where they are known. */
export interface ScanSummary extends PassResult {
  file: string;
  volume: string;
  names: ReadonlyMap<number, string>;
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

interface Look {
  names: ReadonlyMap<number, string>;
  top: number;
  width: number;
}

/** The figures of one pass, in `width` columns; tables of the largest `top` rows. */
export function renderScan(summary: ScanSummary, { top, width }: { top: number; width: number }): string {
  const { groups, users, directories, ages, vault, split, names, totals } = summary;
  const look = { names, top, width };
  return [
    heading(summary, Math.min(width, 100)),
    groups === null ? '' : groupTable(groups, BigInt(totals.bytes), look),
    groups === null ? '' : baseDirectoryTable(groups, look),
    directories === null ? '' : directoryTable(directories, look),
    users === null ? '' : userTable(users, look),
    ages === null ? '' : ageTable(ages, look),
    vault === null ? '' : vaultLines(vault, look),
    split === null ? '' : splitTable(split, look),
    rejectedLines(summary.lines),
  ].filter((part) => part !== '').join('\n\n');
}

function heading({ file, volume, totals, lines, bytes, fileBytes, seconds, engine }: ScanSummary, width: number): string {
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
    ['Read', `${formatBytes(BigInt(fileBytes))} (${formatBytes(BigInt(bytes))} of text) in ${formatDuration(seconds)} by ${engine.name}: ${rate((lines.accepted + lines.rejected) / seconds)} lines/s, ${formatBytes(BigInt(Math.round(bytes / seconds)))}/s`],
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

const part = (bytes: bigint, whole: bigint): number => (whole === 0n ? 0 : Number((bytes * 10_000n) / whole) / 10_000);

function groupTable(groups: readonly GroupUsage[], total: bigint, { names, top, width }: Look): string {
  const sums = new Map<number, { gid: number; bytes: bigint; entries: number; newest: number }>();
  for (const { gid, bytes, entries, newest } of groups) {
    const sum = sums.get(gid) ?? { gid, bytes: 0n, entries: 0, newest: -Infinity };
    sums.set(gid, { gid, bytes: sum.bytes + BigInt(bytes), entries: sum.entries + entries, newest: Math.max(sum.newest, newest ?? -Infinity) });
  }
  const rows = [...sums.values()].sort(bySize);
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

function baseDirectoryTable(groups: readonly GroupUsage[], { names, top, width }: Look): string {
  const rows = groups.map((row) => ({ ...row, bytes: BigInt(row.bytes) })).sort(bySize);
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

function directoryTable(directories: readonly DirectoryUsage[], { names, top, width }: Look): string {
  const rows = directories.map((row) => ({ ...row, bytes: BigInt(row.bytes) })).sort(bySize);
  const largestTypes = (types: Readonly<Record<string, string>>): string =>
    Object.entries(types)
      .map(([label, bytes]) => ({ label, bytes: BigInt(bytes) }))
      .sort((a, b) => (b.bytes > a.bytes ? 1 : -1))
      .slice(0, 3)
      .map(({ label, bytes }) => `${label} ${formatBytes(bytes)}`)
      .join(', ');
  return section(
    table(
      [{ title: 'Group', shrink: 'end' }, { title: 'Directory', shrink: 'middle' }, { title: 'Size', align: 'right' }, { title: 'Files', align: 'right' }, { title: 'Modified', align: 'right' }, { title: 'Largest types', shrink: 'end' }],
      rows.slice(0, top).map(({ gid, baseDirectory, directory, bytes, files, newest, types }) => [
        nameOf(names, gid), `${baseDirectory === '/' ? '' : baseDirectory}/${directory}`, formatBytes(bytes), count(files), dayOf(newest), largestTypes(types),
      ]),
      width,
    ),
    rows.length - top,
    'directories',
  );
}

function userTable(users: readonly UserUsage[], { names, top, width }: Look): string {
  const rows = users.map((row) => ({ ...row, bytes: BigInt(row.bytes) })).sort((a, b) => bySize(a, b) || a.uid - b.uid);
  const largest = rows[0]?.bytes ?? 0n;
  return section(
    table(
      [{ title: 'User' }, { title: 'Group', shrink: 'end' }, { title: 'Size', align: 'right' }, { title: '' }, { title: 'Files', align: 'right' }, { title: 'Modified', align: 'right' }],
      rows.slice(0, top).map(({ uid, gid, bytes, files, newest }) => [`uid:${uid}`, nameOf(names, gid), formatBytes(bytes), bar(part(bytes, largest), 14), count(files), dayOf(newest)]),
      width,
    ),
    rows.length - top,
    'users in groups',
  );
}

/** Of the whole volume: how much was neither read nor written for how long. */
function ageTable(ages: readonly AgeUsage[], { width }: Look): string {
  const sum = (kind: 'access' | 'modification', band: number): bigint => ages.reduce((total, row) => total + BigInt(row[kind].bytes[band] ?? 0), 0n);
  const rows = ageBands.map(({ label }, band) => ({ label, access: sum('access', band), modification: sum('modification', band) }));
  const total = rows.reduce((whole, row) => whole + row.access, 0n);
  return table(
    [{ title: 'Age' }, { title: 'By access', align: 'right' }, { title: '' }, { title: 'By modification', align: 'right' }, { title: '' }],
    rows.map(({ label, access, modification }) => [label, formatBytes(access), bar(part(access, total), 14), formatBytes(modification), bar(part(modification, total), 14)]),
    width,
  );
}

function vaultLines({ branches, moved, gone, conflicts, misnamed, foreign, firstForeign }: VaultSummary, { width }: Look): string {
  const odd = [
    [moved, 'moved since they were marked'],
    [gone, 'gone from where they were'],
    [conflicts, 'in several branches'],
    [misnamed, 'whose key names another inode'],
  ] as const;
  const strange = foreign === 0 ? [] : [paint('warning', `${count(foreign)} strange entries in .vault folders`), ...firstForeign.map((each) => `  ${shorten(safeText(each), Math.max(12, width - 2), 'middle')}`)];
  if (branches.length === 0) return strange.join('\n');
  return [
    table(
      [{ title: 'Vault' }, { title: 'Files', align: 'right' }, { title: 'Size', align: 'right' }],
      branches.map(({ branch, entries, bytes }) => [branchName(branch), count(entries), formatBytes(BigInt(bytes))]),
      width,
    ),
    ...odd.flatMap(([number, what]) => (number === 0 ? [] : [paint('quiet', `${count(number)} ${what}`)])),
    ...strange,
  ].join('\n');
}

/** Each group's tree server: what of the scan it gets, how long it takes to start and what memory it needs. */
function splitTable(split: readonly SplitPart[], { names, top, width }: Look): string {
  const rows = splitCosts(split).sort((a, b) => b.lines - a.lines || a.gid - b.gid);
  return section(
    table(
      [{ title: 'Split', shrink: 'end' }, { title: 'Lines', align: 'right' }, { title: 'Directories', align: 'right' }, { title: 'Start', align: 'right' }, { title: 'Memory', align: 'right' }],
      rows.slice(0, top).map(({ gid, lines, directories, buildSeconds, memoryBytes }) => [nameOf(names, gid), count(lines), count(directories), formatDuration(buildSeconds), formatBytes(BigInt(memoryBytes))]),
      width,
    ),
    rows.length - top,
    'groups',
  );
}

const section = (text: string, more: number, what: string): string => (more > 0 ? `${text}\n${paint('quiet', `… and ${count(more)} more ${what} (--top)`)}` : text);

function rejectedLines({ rejected, firstRejected }: LineCounts): string {
  if (rejected === 0) return '';
  const shown = firstRejected.map(({ line, reason }) => `  line ${count(line)}: ${safeText(reason)}`);
  const more = rejected - firstRejected.length;
  return [paint('warning', `${count(rejected)} ${rejected === 1 ? 'line' : 'lines'} rejected`), ...shown, ...(more > 0 ? [`  … and ${count(more)} more`] : [])].join('\n');
}
