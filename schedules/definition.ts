import type { CalendarSpecDescription, IntervalSpecDescription, ScheduleOverlapPolicy } from '@temporalio/client';
import type { SearchAttributePair } from '@temporalio/common';

/**
 * One schedule as data. `longshore schedules apply` makes the server's schedule equal to it, field by field.
 * Times stand in the form in which the server describes them, so that the two can be compared without guessing.
 */
export interface ScheduleDefinition {
  /** Also the id of the workflow it starts, to which the server adds the nominal time. */
  id: string;
  /** One sentence: shown in the plan, and in the web UI on every run that the schedule starts. */
  summary: string;
  times: ScheduleTimes;
  /** What happens when the run before has not ended. */
  overlap: { policy: ScheduleOverlapPolicy; why: string };
  /** How late a run may still start after the server was down; the server's own default is a year. */
  catchUp: { seconds: number; why: string };
  workflow: {
    type: string;
    taskQueue: string;
    args: unknown[];
    attributes: SearchAttributePair[];
  };
  /** State of a new schedule. Afterwards it belongs to the people who pause and unpause it. */
  paused: boolean;
}

/** The union of calendars and intervals. Never cron strings: the server compiles them away and a comparison would not find them. */
export interface ScheduleTimes {
  /** IANA zone in which the calendars are read. A clock time that a clock change leaves out does not fire; one that it repeats fires twice. */
  timeZone: string;
  calendars: CalendarSpecDescription[];
  /** Counted from the Unix epoch, whatever the zone. */
  intervals: IntervalSpecDescription[];
  /** Each start is put off by a random time up to this. */
  jitterSeconds: number;
}

/** Every day at a clock time, HH:MM. */
export function dailyAt(time: string): CalendarSpecDescription {
  const [hour = Number.NaN, minute = Number.NaN] = time.split(':').map(Number);
  return {
    second: [{ start: 0, end: 0, step: 1 }],
    minute: [{ start: minute, end: minute, step: 1 }],
    hour: [{ start: hour, end: hour, step: 1 }],
    dayOfMonth: [{ start: 1, end: 31, step: 1 }],
    month: [{ start: 'JANUARY', end: 'DECEMBER', step: 1 }],
    year: [],
    dayOfWeek: [{ start: 'SUNDAY', end: 'SATURDAY', step: 1 }],
  };
}

const weekdays = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;

/** On one day of the week, at a clock time. */
export function weeklyOn(day: Lowercase<(typeof weekdays)[number]>, time: string): CalendarSpecDescription {
  const weekday = weekdays.find((each) => each.toLowerCase() === day) ?? 'SUNDAY';
  return { ...dailyAt(time), dayOfWeek: [{ start: weekday, end: weekday, step: 1 }] };
}

/** On one day of the month (1 to 28), at a clock time. */
export function monthlyOn(day: number, time: string): CalendarSpecDescription {
  return { ...dailyAt(time), dayOfMonth: [{ start: day, end: day, step: 1 }] };
}

export function everyHours(hours: number): IntervalSpecDescription {
  return { every: hours * 3_600_000, offset: 0 };
}

export function everyMinutes(minutes: number): IntervalSpecDescription {
  return { every: minutes * 60_000, offset: 0 };
}
