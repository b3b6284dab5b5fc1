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

/** How copying from an instrument goes. Times are ISO instants. */
export interface CopyHealth {
  /** End of the last copy that went well; null: there was none. */
  copiedAt: string | null;
  /** Cells that are not complete here and whose last copy failed. */
  failing: number;
  /** The first copy that failed after the last one that went well; null: none did. */
  failsSince: string | null;
  /** Since when a person holds it; null: nobody does. */
  heldSince: string | null;
}

/**
 * The state by how long copying has not worked: the instrument does not answer, is held, or every copy fails. While nothing is to be copied that is
 * no time at all; where other copies go well, a cell that cannot be copied is a worry and no more.
 *
 * @param listedAt ISO instant of the last good listing; null: there was none. @param ageOf seconds since an ISO instant.
 */
export function copyHeartbeat({ failing, failsSince, heldSince }: CopyHealth, { listedAt, ageOf }: { listedAt: string | null; ageOf: (instant: string) => number }): Heartbeat {
  const sinces = [...(heldSince === null ? [] : [heldSince]), ...(failing === 0 || failsSince === null ? [] : [failsSince])];
  const state = heartbeatState(listedAt === null ? null : Math.max(...[listedAt, ...sinces].map(ageOf)));
  return state === 'ok' && (heldSince !== null || failing > 0) ? 'worried' : state;
}
