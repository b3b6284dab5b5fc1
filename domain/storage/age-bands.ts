/** How long ago data was used or changed, in nine bands of 30-day months and 365-day years. */
const day = 86_400;
const month = 30 * day;
const year = 365 * day;

/** Youngest first. `minimumSeconds`: the least age of the band. */
export const ageBands: readonly { label: string; minimumSeconds: number }[] = [
  { label: '<1m', minimumSeconds: 0 },
  { label: '≥1m', minimumSeconds: month },
  { label: '≥2m', minimumSeconds: 2 * month },
  { label: '≥6m', minimumSeconds: 6 * month },
  { label: '≥1y', minimumSeconds: year },
  { label: '≥2y', minimumSeconds: 2 * year },
  { label: '≥3y', minimumSeconds: 3 * year },
  { label: '≥5y', minimumSeconds: 5 * year },
  { label: '≥7y', minimumSeconds: 7 * year },
];

const oldest = ageBands.length - 1;
const oldestSeconds = ageBands[oldest]!.minimumSeconds;
/** All bands begin with whole days: by day of age, up to the oldest band. */
const bandOfDay = Uint8Array.from({ length: oldestSeconds / day }, (_, days) => ageBands.findLastIndex((band) => band.minimumSeconds <= days * day));

/** Index in `ageBands`. `age` in whole seconds, not negative. */
export function ageBand(age: number): number {
  // Multiplying is faster than dividing; half a second keeps the rounded reciprocal from losing a day.
  return age >= oldestSeconds ? oldest : bandOfDay[Math.trunc((age + 0.5) * (1 / day))]!;
}
