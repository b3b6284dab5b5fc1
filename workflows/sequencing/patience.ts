import { isCancellation, sleep } from '@temporalio/workflow';
import type { Problem } from '../../domain/errors.ts';
import { problemOf } from '../platform/problems.ts';

/**
 * An entity must not end because its database or its files are not as they should be: what cannot be done is told as a
 * hindrance, and tried again until somebody has put it right.
 */
export function patience(tell: (hindrance: Problem | null) => void): <T>(work: () => Promise<T>) => Promise<T> {
  return async (work) => {
    for (let tries = 0; ; tries++) {
      try {
        const result = await work();
        if (tries > 0) tell(null);
        return result;
      } catch (error) {
        if (isCancellation(error)) throw error;
        tell(problemOf(error));
        await sleep('10 minutes');
      }
    }
  };
}
