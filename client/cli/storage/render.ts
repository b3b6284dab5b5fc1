/** A storage report as people read it: progress lines while it runs, outcomes and usage when it is done. */
import { formatDuration } from '../../../domain/duration.ts';
import { compareRows, type ReportRow } from '../../../domain/storage/report-row.ts';
import type { UserRow } from '../../../domain/storage/user-row.ts';
import { formatBytes } from '../../../domain/units.ts';
import type { PassProgress, VolumeOutcome, VolumeState } from '../../../workflows/storage/contract.ts';
import type { ReportSnapshot } from '../../index.ts';
import { type Cell, paint, type RowColumn, rowTable, safeText, shorten, type Style, table, terminalWidth } from '../output.ts';

const marks: Record<VolumeState, { mark: string; style: Style }> = {
  queued: { mark: '·', style: 'quiet' },
  waiting: { mark: '·', style: 'quiet' },
  running: { mark: '▸', style: 'strong' },
  loaded: { mark: '✓', style: 'good' },
  skipped: { mark: '✓', style: 'quiet' },
  missing: { mark: '!', style: 'warning' },
  failed: { mark: '✗', style: 'bad' },
};

/** A bar of `width` cells, in eighths. */
export function bar(fraction: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * width * 8);
  const full = Math.floor(eighths / 8);
  const part = eighths % 8 === 0 ? '' : '▏▎▍▌▋▊▉'[(eighths % 8) - 1]!;
  return `${'█'.repeat(full)}${part}`.padEnd(width, '░');
}

const count = (value: number): string => value.toLocaleString('en-GB');

/** How far a pass is, in one line. */
export function progressText(progress: PassProgress): string {
  const fraction = progress.fileBytes === 0 ? 0 : progress.readBytes / progress.fileBytes;
  const speed = progress.elapsedSeconds === 0 ? '' : ` · ${formatBytes(BigInt(Math.round(progress.bytes / progress.elapsedSeconds)))}/s`;
  const left = progress.secondsLeft === null ? '' : ` · ${formatDuration(progress.secondsLeft)} left`;
  const rejected = progress.rejected === 0 ? '' : ` · ${count(progress.rejected)} rejected`;
  return `${bar(fraction, 16)} ${String(Math.floor(fraction * 100)).padStart(3)} %  ${count(progress.lines)} lines · ${formatBytes(BigInt(progress.bytes))}${speed}${left}${rejected}`;
}

/** One line a volume, for a display that is drawn again and again. */
export function progressLines(snapshot: ReportSnapshot, width = terminalWidth()): string {
  const longest = Math.max(0, ...snapshot.volumes.map((each) => each.volume.length));
  return snapshot.volumes
    .map((each) => {
      const { mark, style } = marks[each.state];
      const progress = each.state === 'running' ? snapshot.progress[each.volume] : undefined;
      const text = progress === undefined || progress.lines === 0 ? outcomeText(each) : progressText(progress);
      return `${paint(style, mark)} ${shorten(`${safeText(each.volume).padEnd(longest)}  ${safeText(text)}`, width - 2)}`;
    })
    .concat(Object.entries(snapshot.troubles).map(([name, trouble]) => `${paint('warning', '!')} ${shorten(`${safeText(name).padEnd(longest)}  ${safeText(trouble)}`, width - 2)}`))
    .join('\n');
}

/** The same for a display of `height` lines: when there are more volumes, those that are settled and well become one line. */
export function liveLines(snapshot: ReportSnapshot, width: number, height: number): string {
  if (snapshot.volumes.length <= height) return progressLines(snapshot, width);
  const calm = (each: VolumeOutcome): boolean => ['loaded', 'skipped', 'queued'].includes(each.state);
  const restless = snapshot.volumes.filter((each) => !calm(each)).slice(0, height - 1);
  const counts = Object.entries(Object.groupBy(snapshot.volumes, (each) => each.state)).map(([state, volumes]) => `${volumes.length} ${state}`);
  return `${progressLines({ ...snapshot, volumes: restless }, width)}\n${paint('quiet', `${snapshot.volumes.length} volumes: ${counts.join(', ')}`)}`;
}

/** How a volume stands, in words. */
export function outcomeText(outcome: VolumeOutcome): string {
  if (outcome.state !== 'loaded') return `${outcome.state}: ${outcome.reason}`;
  const figures = [
    `${count(outcome.lines ?? 0)} lines`,
    `${count(outcome.groups ?? 0)} groups`,
    outcome.bytes === undefined ? null : formatBytes(BigInt(outcome.bytes)),
    outcome.rejected ? `${count(outcome.rejected)} rejected` : null,
    outcome.incomplete === true ? 'some names unknown' : null,
  ].filter((each) => each !== null);
  return `loaded: ${figures.join(', ')} (scan of ${outcome.recordDate ?? 'unknown date'})`;
}

const levels: Record<1 | 2 | 3, { text: string; style: Style }> = {
  1: { text: 'OK', style: 'good' },
  2: { text: 'Kinda OK', style: 'warning' },
  3: { text: 'Not OK', style: 'bad' },
};

/** Share of the quota in tenths of a percent, exact; null without a quota. */
function share(row: ReportRow): number | null {
  return row.quota === null || row.quota <= 0n ? null : Number((row.used * 1000n) / row.quota);
}

/** The worst first: warning level, then bytes, since a small group's overrun hurts nobody else. */
export function byUrgency(a: ReportRow, b: ReportRow): number {
  return b.level - a.level || (b.used > a.used ? 1 : b.used < a.used ? -1 : compareRows(a, b));
}

function percent(row: ReportRow): Cell {
  const tenths = share(row);
  if (tenths === null) return null;
  return { text: `${bar(tenths / 1000, 8)} ${String(Math.round(tenths / 10)).padStart(3)} %`, style: levels[row.level].style };
}

/**
 * Usage by group and base directory. `horizon` is the later forecast's, in days. What a narrow terminal has no room for
 * is left out: first who, then what is to come, then the volume, which most base directories name.
 */
export function usageTable(rows: readonly ReportRow[], horizon: number, width = terminalWidth()): string {
  const columns: RowColumn<ReportRow>[] = [
    { from: 100, title: 'Volume', cell: (row) => row.volume },
    { title: 'Group', shrink: 'end', cell: (row) => (row.nameKnown ? row.group : { text: row.group, style: 'quiet' }) },
    { from: 124, title: 'PI', shrink: 'end', cell: (row) => row.pi },
    { title: 'Base directory', shrink: 'middle', cell: (row) => row.baseDirectory },
    { title: 'Used', align: 'right', cell: (row) => formatBytes(row.used) },
    { title: 'Quota', align: 'right', cell: (row) => (row.quota === null ? { text: 'unknown', style: 'quiet' } : row.quota === 0n ? 'none' : formatBytes(row.quota)) },
    { title: 'Share', cell: percent },
    { from: 112, title: `In ${horizon} d`, align: 'right', cell: (row) => (row.predictions[1] === null ? null : formatBytes(row.predictions[1])) },
    { from: 90, title: 'Full on', cell: (row) => row.fullOn },
    { title: 'Status', cell: (row) => levels[row.level] },
  ];
  return rowTable(columns, rows, width);
}

/** Usage by user and group; the bar is the share of the largest row. */
export function userTable(rows: readonly UserRow[], width = terminalWidth()): string {
  const largest = rows.reduce((most, row) => (row.used > most ? row.used : most), 1n);
  return table(
    [{ title: 'User', shrink: 'end' }, { title: 'Group', shrink: 'end' }, { title: 'Volume' }, { title: 'Used', align: 'right' }, { title: '' }, { title: 'Files', align: 'right' }, { title: 'Modified' }],
    rows.map((row) => [
      row.nameKnown ? row.user : { text: row.user, style: 'quiet' },
      row.groupKnown ? row.group : { text: row.group ?? '-', style: 'quiet' },
      row.volume,
      formatBytes(row.used),
      bar(Number((row.used * 1000n) / largest) / 1000, 10),
      row.files === null ? null : count(Number(row.files)),
      row.lastModified,
    ]),
    width,
  );
}

/** What needs a person, with the command that tries it again. */
export function problemLines(outcomes: readonly VolumeOutcome[], date: string, command: string): string[] {
  return outcomes
    .filter((each) => each.state === 'failed' || each.state === 'missing')
    .flatMap((each) => {
      const place = each.problem?.file === undefined ? '' : ` [${each.problem.file}${each.problem.line === undefined ? '' : `:${each.problem.line}`}]`;
      return [
        `${paint(marks[each.state].style, marks[each.state].mark)} ${safeText(each.volume)}  ${each.problem?.type ?? each.state}: ${safeText(each.reason)}${each.reason.includes(each.problem?.file ?? '\u0000') ? '' : safeText(place)}`,
        paint('quiet', `  try again: ${command} storage retry ${each.volume} --date ${date}`),
      ];
    });
}
