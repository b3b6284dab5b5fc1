/** Schedules in words: for plans, lists and comparisons. */
import type { CalendarSpecDescription, IntervalSpecDescription } from '@temporalio/client';
import type { ScheduleDefinition } from './definition.ts';

/** Stands for what is not set. */
export const none = 'none';

/** What a definition says and why, a line each. */
export function definitionLines({ summary, times, overlap, catchUp }: ScheduleDefinition): string[] {
  const late = times.jitterSeconds > 0 ? `, up to ${exactDuration(times.jitterSeconds * 1000)} later` : '';
  return [
    summary,
    `when      ${timesText(times.calendars, times.intervals)}, ${times.timeZone}${late}`,
    `overlap   ${overlap.policy}: ${overlap.why}`,
    `catch-up  ${exactDuration(catchUp.seconds * 1000)}: ${catchUp.why}`,
  ];
}

/** When it fires, for people: `at 06:00`, `every 4 h`. */
export function timesText(calendars: CalendarSpecDescription[], intervals: IntervalSpecDescription[]): string {
  return listText([
    ...calendars.map(calendarText),
    ...intervals.map(({ every, offset }) => `every ${exactDuration(every)}${offset > 0 ? ` and ${exactDuration(offset)} past` : ''}`),
  ]);
}

/** Milliseconds without rounding, because such texts are compared: `90000` → `1 min 30 s`. */
export function exactDuration(milliseconds: number): string {
  let rest = milliseconds;
  const parts: string[] = [];
  for (const [unit, size] of [['h', 3_600_000], ['min', 60_000], ['s', 1000], ['ms', 1]] as const) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count} ${unit}`);
    rest -= count * size;
  }
  return parts.join(' ') || none;
}

type Ranges = { start: number | string; end: number | string; step: number }[];

/** Fields of a calendar that are left out when they match everything, and what they say then. */
const everything = [
  ['dayOfMonth', '1-31'],
  ['month', 'JANUARY-DECEMBER'],
  ['year', ''],
  ['dayOfWeek', 'SUNDAY-SATURDAY'],
] as const;

/** One calendar, with all that it says: equal texts are equal calendars. */
export function calendarText(calendar: CalendarSpecDescription): string {
  const hour = rangesText(calendar.hour);
  const minute = rangesText(calendar.minute);
  const second = rangesText(calendar.second);
  const clock = [hour, minute, second].every((text) => /^\d+$/.test(text));
  const parts = clock
    ? [`at ${hour.padStart(2, '0')}:${minute.padStart(2, '0')}${second === '0' ? '' : `:${second.padStart(2, '0')}`}`]
    : [`at hour ${hour}, minute ${minute}, second ${second}`];
  for (const [field, all] of everything) {
    const text = rangesText(calendar[field]);
    if (text !== all) parts.push(`${field} ${text}`);
  }
  return parts.join(', ') + (calendar.comment ? ` (${calendar.comment})` : '');
}

function rangesText(ranges: Ranges): string {
  return ranges.map(({ start, end, step }) => (start === end ? `${start}` : `${start}-${end}${step > 1 ? `/${step}` : ''}`)).join(',');
}

/** In an order of its own: the server’s does not count. */
export function listText(texts: string[]): string {
  return texts.toSorted().join('; ') || none;
}
