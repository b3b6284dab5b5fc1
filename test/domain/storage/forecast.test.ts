import assert from 'node:assert/strict';
import fc from 'fast-check';
import { addDays, daysBetween } from '../../../domain/dates.ts';
import { forecast, forecastLimits, type ForecastSettings, type HistoryPoint } from '../../../domain/storage/forecast.ts';
import { thresholdPresets, type ThresholdPreset, type WarningLevel } from '../../../domain/storage/thresholds.ts';

const today = '2022-06-20';
const settings = (over: Partial<ForecastSettings> = {}): ForecastSettings => ({ days: [3, 7], method: 'robust', points: 10, windowDays: 60, thresholds: thresholdPresets.documented, ...over });
const daysAgo = (days: number, used: number | bigint): HistoryPoint => ({ date: addDays(today, -days), used: BigInt(used) });

describe('the original’s vectors', () => {
  // Usage, age of the scan, stored points as (days ago, used), predictions at 3 and 7 days, level by the three sets; the quota is 100.
  const vectors: [u: number, d1: number, history: [number, number][], p3: number, p7: number, documented: WarningLevel, code: WarningLevel, weaver: WarningLevel][] = [
    [80, 0, [], 80, 80, 1, 1, 1],
    [80, 0, [[4, 78]], 81.5, 83.5, 2, 3, 2],
    [80, 1, [[9, 70], [5, 75]], 85.0, 90.0, 2, 3, 2],
    [84, 0, [[8, 80], [4, 83]], 85.5, 87.5, 3, 3, 3],
    [50, 2, [[10, 90], [6, 60]], 25.0, 5.0, 1, 1, 1],
    [79, 0, [[1, 78]], 82.0, 86.0, 2, 3, 2],
    [81, 0, [[14, 81], [7, 81]], 81.0, 81.0, 2, 3, 2],
    [90, 0, [[4, 90], [2, 90]], 90.0, 90.0, 3, 3, 3],
  ];
  // Bytes are whole: a scale makes the halves visible. The largest puts usage beyond 2^53.
  for (const scale of [10n, 2n ** 60n]) {
    for (const [u, d1, history, p3, p7, documented, code, weaver] of vectors) {
      for (const method of ['robust', 'lurge'] as const) {
        it(`${u}, ${d1}, ${JSON.stringify(history)} × ${scale}, ${method}`, () => {
          const input = { today, current: daysAgo(d1, BigInt(u) * scale), history: history.map(([days, used]) => daysAgo(days, BigInt(used) * scale)), quota: 100n * scale };
          const levels: Record<ThresholdPreset, WarningLevel> = { documented, 'lurge-code': code, weaver };
          for (const preset of ['documented', 'lurge-code', 'weaver'] as const) {
            const { predictions, level } = forecast(input, settings({ method, thresholds: thresholdPresets[preset] }));
            assert.deepEqual(predictions, [
              { days: 3, bytes: (BigInt(p3 * 10) * scale) / 10n },
              { days: 7, bytes: (BigInt(p7 * 10) * scale) / 10n },
            ]);
            assert.equal(level, levels[preset], preset);
          }
        });
      }
    }
  }
});

describe('points that count', () => {
  it('lurge: the second newest stored point, however old', () => {
    const { bytesPerDay, pointsUsed } = forecast({ today, current: daysAgo(0, 100), history: [daysAgo(300, 0), daysAgo(200, 40), daysAgo(100, 0), daysAgo(10, 90)], quota: null }, settings({ method: 'lurge' }));
    assert.deepEqual([bytesPerDay, pointsUsed], [1n, 2]);
  });
  it('lurge: the newest two by date, in whatever order they come', () => {
    assert.equal(forecast({ today, current: daysAgo(0, 100), history: [daysAgo(10, 90), daysAgo(100, 0), daysAgo(200, 40)], quota: null }, settings({ method: 'lurge' })).bytesPerDay, 1n);
  });
  it('lurge: predictions may fall below zero', () => {
    assert.deepEqual(forecast({ today, current: daysAgo(0, 10), history: [daysAgo(1, 30)], quota: null }, settings({ method: 'lurge' })).predictions, [
      { days: 3, bytes: -50n },
      { days: 7, bytes: -130n },
    ]);
  });
  it('robust: predictions do not', () => {
    assert.deepEqual(forecast({ today, current: daysAgo(0, 10), history: [daysAgo(1, 30)], quota: null }, settings()).predictions, [
      { days: 3, bytes: 0n },
      { days: 7, bytes: 0n },
    ]);
  });
  for (const method of ['robust', 'lurge'] as const) {
    it(`${method}: a point of the scan’s own date or later is ignored`, () => {
      const history = [daysAgo(4, 60), daysAgo(2, 999), daysAgo(1, 999), daysAgo(0, 999)];
      const { bytesPerDay, pointsUsed } = forecast({ today, current: daysAgo(2, 80), history, quota: null }, settings({ method }));
      assert.deepEqual([bytesPerDay, pointsUsed], [10n, 2]);
    });
    it(`${method}: without an older point nothing grows`, () => {
      const { predictions, fullOn, pointsUsed, bytesPerDay } = forecast({ today, current: daysAgo(0, 80), history: [daysAgo(0, 10)], quota: 100n }, settings({ method }));
      assert.deepEqual({ predictions, fullOn, pointsUsed, bytesPerDay }, { predictions: [{ days: 3, bytes: 80n }, { days: 7, bytes: 80n }], fullOn: null, pointsUsed: 1, bytesPerDay: 0n });
    });
  }
  it('robust: one freak scan does not move the line', () => {
    const steady = [1, 2, 3, 4, 5, 6].map((days) => daysAgo(days, 1000 - days));
    const freak = steady.map((point, index) => (index === 2 ? { ...point, used: 0n } : point));
    assert.equal(forecast({ today, current: daysAgo(0, 1000), history: freak, quota: null }, settings()).bytesPerDay, 1n);
  });
  it('robust: an even number of slopes gives the mean of the middle two', () => {
    const history = [daysAgo(1, 94), daysAgo(2, 92), daysAgo(3, 91)];
    const after60Days = (used: number): bigint => forecast({ today, current: daysAgo(0, used), history, quota: null }, settings({ days: [60] })).predictions[0]!.bytes;
    assert.equal(after60Days(97), 97n + 120n); // slopes 1, 3/2, 2, 2, 5/2, 3: median 2
    assert.equal(after60Days(94), 94n + 60n); // slopes 0, 1, 1, 1, 3/2, 2: median 1
    assert.equal(after60Days(98), 98n + 130n); // slopes 1, 3/2, 2, 7/3, 3, 4: median 13/6
  });
  it('robust: the newest stored points, so many', () => {
    const history = [daysAgo(1, 99), daysAgo(2, 98), daysAgo(30, 0), daysAgo(31, 0), daysAgo(32, 0)];
    const { bytesPerDay, pointsUsed } = forecast({ today, current: daysAgo(0, 100), history, quota: null }, settings({ points: 2 }));
    assert.deepEqual([bytesPerDay, pointsUsed], [1n, 3]);
  });
  for (const [days, pointsUsed] of [[60, 2], [61, 1]] as const) {
    it(`robust: a point ${days} days before the scan ${pointsUsed === 2 ? 'counts' : 'does not count'} in a window of 60`, () => {
      assert.equal(forecast({ today, current: daysAgo(5, 100), history: [daysAgo(5 + days, 40)], quota: null }, settings()).pointsUsed, pointsUsed);
    });
  }
});

describe('the level', () => {
  const full = { today, current: daysAgo(0, 1000), history: [], quota: 1000n };
  it('is 1 without a quota and with an unlimited one', () => {
    for (const quota of [null, 0n]) assert.equal(forecast({ ...full, quota }, settings()).level, 1);
  });
  it('is judged at each rule’s own day', () => {
    const growing = { today, current: daysAgo(2, 48), history: [daysAgo(3, 47)], quota: 100n }; // 50 today, one more every day
    const level = (days: number): WarningLevel => forecast(growing, settings({ thresholds: [{ level: 3, days, above: 0.8 }] })).level;
    assert.deepEqual([level(0), level(29.5), level(30), level(30.25), level(31)], [1, 1, 1, 3, 3]);
  });
  it('is decided before rounding', () => {
    const growing = { today, current: daysAgo(0, 80), history: [daysAgo(1000, 79)], quota: 100n };
    const { level, predictions } = forecast(growing, settings({ method: 'lurge', thresholds: [{ level: 2, days: 3, above: 0.8 }] }));
    assert.deepEqual([level, predictions[0]!.bytes], [2, 80n]);
  });
  it('is exact where doubles are not: 0.8 of a quota of 2^60 × 10', () => {
    const quota = 10n * 2n ** 60n;
    const at = (used: bigint): WarningLevel => forecast({ today, current: { date: today, used }, history: [], quota }, settings({ thresholds: [{ level: 3, days: 0, above: 0.8 }] })).level;
    assert.deepEqual([at(8n * 2n ** 60n), at(8n * 2n ** 60n + 1n)], [1, 3]);
  });
});

describe('the date of being full', () => {
  // Scan two days before today; quota 100.
  const vectors: [what: string, used: number, before: [number, number][], quota: bigint | null, fullOn: string | null][] = [
    ['full already: the scan’s date', 100, [], 100n, '2022-06-18'],
    ['over quota and shrinking: the scan’s date', 120, [[4, 140]], 100n, '2022-06-18'],
    ['no growth', 90, [[4, 90]], 100n, null],
    ['shrinking', 90, [[4, 95]], 100n, null],
    ['unknown growth', 90, [], 100n, null],
    ['no quota', 90, [[4, 80]], null, null],
    ['unlimited', 90, [[4, 80]], 0n, null],
    ['5 a day, 10 to go: on the second day', 90, [[4, 80]], 100n, '2022-06-20'],
    ['5 a day, 11 to go: on the third', 89, [[4, 79]], 100n, '2022-06-21'],
    ['one in 182.5 days, 10 to go: exactly five years', 90, [[2 + 365, 88]], 100n, '2027-06-17'],
    ['one in 183 days, 10 to go: beyond five years', 90, [[2 + 366, 88]], 100n, null],
  ];
  for (const [what, used, before, quota, fullOn] of vectors) {
    it(what, () => assert.equal(forecast({ today, current: daysAgo(2, used), history: before.map(([days, then]) => daysAgo(days, then)), quota }, settings({ windowDays: 400 })).fullOn, fullOn));
  }
});

describe('any forecast', () => {
  const amount = fc.bigInt(0n, 2n ** 62n);
  const age = fc.integer({ min: -30, max: 400 });
  const points = fc.array(fc.record({ date: age.map((days) => addDays(today, -days)), used: amount }), { maxLength: 20 });
  const method = fc.constantFrom('robust' as const, 'lurge' as const);
  const input = fc.record({ today: fc.constant(today), current: fc.record({ date: age.map((days) => addDays(today, -days)), used: amount }), history: points, quota: fc.option(fc.bigInt(-5n, 2n ** 62n)) });

  it('is made without failing, and clamped if robust', () => {
    fc.assert(
      fc.property(input, method, fc.integer({ min: 0, max: 12 }), (input, method, points) => {
        const { predictions, level, fullOn, pointsUsed } = forecast(input, settings({ method, points }));
        assert.ok(method === 'lurge' || predictions.every(({ bytes }) => bytes >= 0n));
        assert.ok([1, 2, 3].includes(level));
        assert.ok(fullOn === null || daysBetween(input.current.date, fullOn) >= 0);
        assert.ok(pointsUsed >= 1 && pointsUsed <= input.history.length + 1);
      }),
    );
  });

  it('does not depend on the order of history', () => {
    fc.assert(
      fc.property(input.filter(({ history }) => new Set(history.map(({ date }) => date)).size === history.length), method, (input, method) => {
        assert.deepEqual(forecast({ ...input, history: input.history.toReversed() }, settings({ method })), forecast(input, settings({ method })));
      }),
    );
  });

  it('is no lower, no better and no later for more usage now', () => {
    // From the scan on: a prediction for a day before the scan falls as usage now rises.
    const afterScan = input.filter(({ current }) => current.date <= today);
    fc.assert(
      fc.property(afterScan, fc.bigInt(0n, 2n ** 60n), method, (input, more, method) => {
        const less = forecast(input, settings({ method }));
        const greater = forecast({ ...input, current: { ...input.current, used: input.current.used + more } }, settings({ method }));
        for (const [index, { bytes }] of less.predictions.entries()) assert.ok(greater.predictions[index]!.bytes >= bytes);
        assert.ok(greater.level >= less.level);
        if (less.fullOn !== null) assert.ok(greater.fullOn !== null && greater.fullOn <= less.fullOn);
      }),
    );
  });

  it('is no better for a smaller quota', () => {
    fc.assert(
      fc.property(input, fc.bigInt(1n, 2n ** 61n), fc.bigInt(0n, 2n ** 61n), (input, quota, more) => {
        assert.ok(forecast({ ...input, quota }, settings()).level >= forecast({ ...input, quota: quota + more }, settings()).level);
      }),
    );
  });

  it('is the same by both methods with one or two stored points, but for the clamp', () => {
    const distinct = fc.uniqueArray(fc.record({ days: fc.integer({ min: 1, max: 60 }), used: amount }), { minLength: 1, maxLength: 2, selector: ({ days }) => days });
    fc.assert(
      fc.property(distinct, amount, fc.bigInt(1n, 2n ** 62n), (stored, used, quota) => {
        const input = { today, current: { date: today, used }, history: stored.map(({ days, used }) => daysAgo(days, used)), quota };
        const robust = forecast(input, settings());
        const lurge = forecast(input, settings({ method: 'lurge' }));
        const clamped = lurge.predictions.map(({ days, bytes }) => ({ days, bytes: bytes < 0n ? 0n : bytes }));
        assert.deepEqual({ ...robust, pointsUsed: 0, evidence: null }, { ...lurge, predictions: clamped, pointsUsed: 0, evidence: null });
      }),
    );
  });

  it('reaches the quota on the day of being full and not on the day before', () => {
    fc.assert(
      fc.property(input, method, fc.bigInt(1n, 2n ** 62n), (input, method, quota) => {
        const { fullOn } = forecast({ ...input, quota }, settings({ method }));
        fc.pre(fullOn !== null && input.current.used < quota);
        const lead = daysBetween(input.current.date, fullOn);
        const [before, on] = forecast({ ...input, today: input.current.date, quota }, settings({ method, days: [lead - 1, lead] })).predictions;
        assert.ok(on!.bytes >= quota && before!.bytes <= quota);
        assert.ok(lead <= 5 * 365);
      }),
    );
  });
});

describe('evidence', () => {
  const history = [daysAgo(1, 99), daysAgo(70, 1), daysAgo(3, 97), daysAgo(2, 98)];
  const evidence = (method: ForecastSettings['method'], points = 10) => forecast({ today, current: daysAgo(0, 100), history, quota: 110n }, settings({ method, points })).evidence;
  it('robust: the current point and the recent ones, oldest first', () => {
    assert.deepEqual(evidence('robust'), { points: [daysAgo(3, 97), daysAgo(2, 98), daysAgo(1, 99), daysAgo(0, 100)], method: 'robust', bytesPerDay: 1n, fullOn: '2022-06-30' });
    assert.deepEqual(evidence('robust', 1).points, [daysAgo(1, 99), daysAgo(0, 100)]);
  });
  for (const method of ['lurge', 'wrstat'] as const) {
    it(`${method}: the two ends of its line`, () => assert.deepEqual(evidence(method), { points: [daysAgo(2, 98), daysAgo(0, 100)], method, bytesPerDay: 1n, fullOn: '2022-06-30' }));
  }
  it('is the current point alone where nothing is known of growth', () => {
    for (const method of ['robust', 'lurge', 'wrstat'] as const) {
      assert.deepEqual(forecast({ today, current: daysAgo(4, 5), history: [], quota: null }, settings({ method })).evidence, { points: [daysAgo(4, 5)], method, bytesPerDay: 0n, fullOn: null });
    }
  });
});

describe('wrstat-ui’s rules', () => {
  // The scan is of today; older points as (days ago, used).
  const vectors: [what: string, used: number, before: [number, number][], quota: bigint | null, fullOn: string | null, level: WarningLevel][] = [
    ['at the quota: the latest point’s date', 100, [[4, 80]], 100n, today, 3],
    ['above it and shrinking: the latest point’s date', 110, [[4, 120]], 100n, today, 3],
    ['no growth', 99, [[4, 99]], 100n, null, 1],
    ['shrinking', 99, [[4, 100]], 100n, null, 1],
    ['one point only', 99, [], 100n, null, 1],
    ['a second point of the same date says nothing', 99, [[0, 1]], 100n, null, 1],
    ['two points: from the first', 90, [[10, 80]], 100n, addDays(today, 10), 1],
    ['more: from the third from last', 90, [[90, 0], [2, 88], [1, 10]], 100n, addDays(today, 10), 1],
    ['three days ahead: not OK', 97, [[10, 87]], 100n, addDays(today, 3), 3],
    ['four days ahead: OK', 96, [[10, 86]], 100n, addDays(today, 4), 1],
    ['the day in which the line crosses, not the one that begins above', 93, [[1, 91]], 100n, addDays(today, 3), 3],
    ['five years ahead', 0, [[5, -1]], 365n, addDays(today, 5 * 365), 1],
    ['more than five years ahead', 0, [[5, -1]], 366n, null, 1],
    ['no quota is not a full one', 90, [[10, 80]], null, null, 1],
    ['nor is an unlimited one', 90, [[10, 80]], 0n, null, 1],
  ];
  for (const [what, used, before, quota, fullOn, level] of vectors) {
    it(what, () => {
      const result = forecast({ today, current: daysAgo(0, used), history: before.map(([days, then]) => daysAgo(days, then)), quota }, settings({ method: 'wrstat' }));
      assert.deepEqual([result.fullOn, result.level], [fullOn, level]);
    });
  }
  it('a date that is past is within three days', () => {
    assert.equal(forecast({ today, current: daysAgo(30, 100), history: [], quota: 100n }, settings({ method: 'wrstat' })).level, 3);
  });
});

describe('two limits', () => {
  const limit = (used: number, quota: bigint | null) => ({ current: daysAgo(0, used), history: [], quota });
  const vectors: [what: string, bytes: number, inodes: number | null, level: WarningLevel, decidedBy: 'bytes' | 'inodes'][] = [
    ['bytes are worse', 90, 81, 3, 'bytes'],
    ['inodes are worse', 81, 90, 3, 'inodes'],
    ['alike', 90, 90, 3, 'bytes'],
    ['both fine', 1, 1, 1, 'bytes'],
    ['inodes unknown', 81, null, 2, 'bytes'],
  ];
  for (const [what, bytes, inodes, level, decidedBy] of vectors) {
    it(what, () => {
      const result = forecastLimits({ today, bytes: limit(bytes, 100n), inodes: inodes === null ? null : limit(inodes, 100n) }, settings());
      assert.deepEqual([result.level, result.decidedBy, result.inodes === null], [level, decidedBy, inodes === null]);
    });
  }
  it('by wrstat-ui’s rule: when either date is within three days', () => {
    const input = { today, bytes: limit(1, 100n), inodes: { current: daysAgo(0, 97), history: [daysAgo(1, 96)], quota: 100n } };
    assert.deepEqual(forecastLimits(input, settings({ method: 'wrstat' })).decidedBy, 'inodes');
  });
  it('without an inode quota there is no inode warning', () => {
    for (const quota of [null, 0n]) assert.equal(forecastLimits({ today, bytes: limit(1, 100n), inodes: limit(1000, quota) }, settings()).level, 1);
  });
});
