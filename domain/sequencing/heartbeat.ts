/** The sign on the instrument that copying works, for the people who stand beside it. */

export type Heartbeat = 'ok' | 'worried' | 'dead';

const limits: readonly { state: Heartbeat; belowSeconds: number }[] = [
  { state: 'ok', belowSeconds: 15 * 60 },
  { state: 'worried', belowSeconds: 60 * 60 + 1 },
  { state: 'dead', belowSeconds: Infinity },
];

/** The state by the age of the last beat in seconds; null: there was none. */
export function heartbeatState(ageSeconds: number | null): Heartbeat {
  return limits.find(({ belowSeconds }) => (ageSeconds ?? Infinity) < belowSeconds)?.state ?? 'dead';
}
