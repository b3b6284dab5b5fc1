const steps = [
  { unit: 'd', seconds: 86400 },
  { unit: 'h', seconds: 3600 },
  { unit: 'min', seconds: 60 },
  { unit: 's', seconds: 1 },
] as const;

/** Seconds for people, in the two largest units: `0.4 s`, `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d`. Tenths below ten seconds only. */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${Math.max(0, Math.round(seconds * 10) / 10)} s`;
  const largest = steps.findIndex((step) => Math.round(seconds) >= step.seconds);
  const first = steps[largest]!;
  const second = steps[largest + 1];
  if (second === undefined) return `${Math.round(seconds)} s`;
  // Rounded to the smaller unit first: 3599.6 s is 1 h, not 59 min 60 s.
  const total = Math.round(seconds / second.seconds) * second.seconds;
  if (total >= (steps[largest - 1]?.seconds ?? Infinity)) return formatDuration(total);
  const rest = (total % first.seconds) / second.seconds;
  const text = `${Math.floor(total / first.seconds)} ${first.unit}`;
  return rest === 0 ? text : `${text} ${rest} ${second.unit}`;
}
