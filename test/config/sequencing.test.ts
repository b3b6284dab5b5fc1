import assert from 'node:assert/strict';
import { configSchema } from '../../config/schema.ts';

const faults = (sequencing: object): string[] => {
  const parsed = configSchema.safeParse({ sequencing });
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.slice(1).join('.')}: ${message}`);
};
const directories = { runsDirectory: '/runs', outputDirectory: '/products' };
const one = (instrument: object): object => ({ ...directories, instruments: [{ label: 'EGS1', location: 'prom@host:/data', ...instrument }] });

describe('configuration of sequencing', () => {
  it('is nothing unless asked for', () => {
    const { sequencing } = configSchema.parse({});
    assert.deepEqual([sequencing.instruments, sequencing.tickets], [[], { kind: 'none' }]);
  });

  it('takes instruments over ssh, by path and in place', () => {
    for (const location of ['prom@host:/data', 'host:/data', '/mnt/prom', 'LOCAL']) assert.deepEqual(faults(one({ location })), [], location);
  });

  const refused: [what: string, settings: object, fault: RegExp][] = [
    ['instruments without directories', { instruments: [{ label: 'EGS1', location: '/data' }] }, /^runsDirectory: expected a path/],
    ['a location that is none', one({ location: 'data' }), /location: expected user@host:\/path, \/path or LOCAL/],
    ['a location with a relative path', one({ location: 'host:data' }), /location: expected/],
    ['a label that no run’s name could have', one({ label: 'egs 1' }), /label: expected three or more capital letters/],
    ['two instruments of one label', { ...directories, instruments: [{ label: 'EGS1', location: '/a' }, { label: 'EGS1', location: '/b' }] }, /instruments\.1\.label: expected another label/],
    ['a push without a target', one({ copy: { strategy: 'push' } }), /copy\.pushTo: expected a path, because strategy is "push"/],
    ['a pull from a path', one({ location: '/mnt/prom', copy: { strategy: 'pull' } }), /copy\.strategy: expected "path", because of location/],
    ['a path strategy for a host', one({ copy: { strategy: 'path' } }), /copy\.strategy: expected "pull" or "push", because of location/],
    ['a name pattern that is none', { namePattern: '(' }, /namePattern: expected a regular expression/],
    ['tickets of an unknown kind', { tickets: { kind: 'jira' } }, /^tickets/],
    ['mails with half an account', { tickets: { kind: 'mail', from: 'a@b.c', to: ['d@e.f'], user: 'u' } }, /tickets\.password: expected both/],
    ['a quiet hour that is none', one({ copy: { quietHours: { from: '25:00', to: '06:00' } } }), /quietHours\.from: expected HH:MM/],
  ];
  for (const [what, settings, fault] of refused) it(`refuses ${what}`, () => assert.match(faults(settings).join('\n'), fault));
});
