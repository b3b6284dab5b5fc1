/** Which dates of a history are kept: all of the newest, one a week of those before, one a month of those before that. */
import { dayNumber } from '../dates.ts';

export interface RetentionPolicy {
  /** So many of the newest dates. */
  daily: number;
  /** The newest date of so many weeks (Monday to Sunday). */
  weekly: number;
  /** The newest date of so many months. */
  monthly: number;
}

/**
 * The dates (YYYY-MM-DD) that are kept, ascending, at most `daily` + `weekly` + `monthly` (or the newest one alone) and those after
 * `today`. Weeks and months count if they have a date: a volume that is scanned no more loses nothing for that. Whatever
 * lies after `today` is kept and crowds nothing out.
 */
export function keptDates(dates: readonly string[], today: string, policy: RetentionPolicy): string[] {
  const newestFirst = [...new Set(dates)].sort().reverse();
  const past = newestFirst.filter((date) => date <= today);
  const kept = new Set([
    ...newestFirst.filter((date) => date > today),
    ...newestFirst.slice(0, 1),
    ...past.slice(0, policy.daily),
    ...firstOfEach(past, weekOf, policy.weekly),
    ...firstOfEach(past, monthOf, policy.monthly),
  ]);
  return newestFirst.filter((date) => kept.has(date)).reverse();
}

// Day 0 was a Thursday.
const weekOf = (date: string): number => Math.floor((dayNumber(date) + 3) / 7);
const monthOf = (date: string): string => date.slice(0, 7);

/** The first date of each of the first `most` periods. */
function firstOfEach(dates: readonly string[], periodOf: (date: string) => string | number, most: number): string[] {
  const first = new Map<string | number, string>();
  for (const date of dates) if (!first.has(periodOf(date))) first.set(periodOf(date), date);
  return [...first.values()].slice(0, most);
}
