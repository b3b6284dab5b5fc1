import assert from 'node:assert/strict';
import { siteZone } from '../../../activities/platform/site-zone.ts';

const iso = (text: string): number => Date.parse(text) / 1000;

describe('a site’s zone', () => {
  const dates: [zone: string, instant: string, date: string][] = [
    ['UTC', '2022-06-15T00:00:00Z', '2022-06-15'],
    ['UTC', '2022-06-14T23:59:59Z', '2022-06-14'],
    ['Europe/London', '2022-06-14T23:00:00Z', '2022-06-15'],
    ['Europe/London', '2022-01-14T23:59:59Z', '2022-01-14'],
    ['America/New_York', '2022-06-15T03:59:59Z', '2022-06-14'],
    ['Pacific/Kiritimati', '2022-06-14T10:00:00Z', '2022-06-15'],
    ['Asia/Kathmandu', '2022-06-14T18:15:00Z', '2022-06-15'],
    ['UTC', '1969-12-31T23:59:59Z', '1969-12-31'],
  ];
  for (const [zone, instant, date] of dates) it(`in ${zone} ${instant} is on ${date}`, () => assert.equal(siteZone(zone).dateOf(iso(instant)), date));

  const instants: [what: string, zone: string, date: string, clock: string, instant: string][] = [
    ['UTC', 'UTC', '2022-06-15', '12:34:56', '2022-06-15T12:34:56Z'],
    ['summer', 'Europe/London', '2022-06-15', '00:00:00', '2022-06-14T23:00:00Z'],
    ['winter', 'Europe/London', '2022-01-15', '00:00:00', '2022-01-15T00:00:00Z'],
    ['before the clocks go forward', 'Europe/London', '2022-03-27', '00:59:59', '2022-03-27T00:59:59Z'],
    ['a time that is skipped is moved on', 'Europe/London', '2022-03-27', '01:30:00', '2022-03-27T01:30:00Z'],
    ['after the clocks went forward', 'Europe/London', '2022-03-27', '02:00:00', '2022-03-27T01:00:00Z'],
    ['of a time shown twice the first', 'Europe/London', '2022-10-30', '01:30:00', '2022-10-30T00:30:00Z'],
    ['after the clocks went back', 'Europe/London', '2022-10-30', '02:00:00', '2022-10-30T02:00:00Z'],
    ['west', 'America/New_York', '2022-03-13', '23:00:00', '2022-03-14T03:00:00Z'],
    ['a quarter of an hour', 'Asia/Kathmandu', '2022-06-15', '00:00:00', '2022-06-14T18:15:00Z'],
  ];
  for (const [what, zone, date, clock, instant] of instants) {
    it(`${zone}, ${what}: ${date} ${clock}`, () => {
      const [hours, minutes, seconds] = clock.split(':').map(Number);
      assert.equal(new Date(siteZone(zone).instantOf(date, hours! * 3600 + minutes! * 60 + seconds!) * 1000).toISOString(), new Date(instant).toISOString());
    });
  }

  it('must exist', () => assert.throws(() => siteZone('Europe/Atlantis'), { name: 'ConfigError', message: 'site.timeZone is “Europe/Atlantis”; expected an IANA zone such as Europe/London.' }));
});
