import { dateOfDay, dayNumber, type SiteZone } from '../../domain/dates.ts';
import { OperationError } from '../../domain/errors.ts';

/** Days of which a zone remembers its offset: more than a century. */
const mostDays = 50_000;

/** The calendar and clock of an IANA zone. Throws `ConfigError` for a zone that does not exist. */
export function siteZone(timeZone: string): SiteZone {
  const format = formatter(timeZone);

  /** What the zone's clock shows, as seconds since 1970-01-01 00:00 on that clock. */
  function clock(unixSeconds: number): number {
    const part = Object.fromEntries(format.formatToParts(unixSeconds * 1000).map(({ type, value }) => [type, value]));
    const day = dayNumber(`${part['year']!.padStart(4, '0')}-${part['month']}-${part['day']}`);
    return day * 86400 + Number(part['hour']) * 3600 + Number(part['minute']) * 60 + Number(part['second']);
  }

  // The clock is slow to read. Where it is as far from UTC at the end of a day as at its beginning, it was so all day.
  const offsets = new Map<number, number | null>();
  function offsetOn(day: number): number | null {
    const known = offsets.get(day);
    if (known !== undefined) return known;
    const offset = clock(day * 86400) - day * 86400;
    const steady = clock((day + 1) * 86400 - 1) + 1 - (day + 1) * 86400 === offset ? offset : null;
    if (offsets.size >= mostDays) offsets.clear();
    offsets.set(day, steady);
    return steady;
  }

  return {
    dateOf: (unixSeconds) => {
      const second = Math.floor(unixSeconds);
      const offset = offsetOn(Math.floor(second / 86400));
      return dateOfDay(Math.floor((offset === null ? clock(second) : second + offset) / 86400));
    },
    instantOf: (date, secondsOfDay) => {
      const wanted = dayNumber(date) * 86400 + secondsOfDay;
      // The offsets a day before and after bracket any change: of a time shown twice the first is meant, a skipped time is moved on.
      const before = clock(wanted - 86400) - (wanted - 86400);
      const after = clock(wanted + 86400) - (wanted + 86400);
      return clock(wanted - before) === wanted || clock(wanted - after) !== wanted ? wanted - before : wanted - after;
    },
  };
}

function formatter(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' });
  } catch (cause) {
    throw new OperationError('ConfigError', `site.timeZone is “${timeZone}”; expected an IANA zone such as Europe/London.`, { cause });
  }
}
