/** Says what is being done, one line a step, with its duration. */
import { formatDuration } from '../../domain/duration.ts';

/** Takes one line, without its newline. */
export type Say = (line: string) => void;

const patienceMs = 4_000;

/** Time since `started` (of `performance.now()`), for people. */
export function took(started: number): string {
  return formatDuration((performance.now() - started) / 1000);
}

/**
 * Does one step of the work and says `what: outcome (duration)`, also when it fails. Whoever waits long is told what for.
 * `outcome` puts the result in a few words.
 */
export async function step<T>(say: Say, what: string, work: () => Promise<T>, outcome?: (result: T) => string): Promise<T> {
  const started = performance.now();
  const patience = setTimeout(() => say(`${what} …`), patienceMs);
  try {
    const result = await work();
    say(`${what}${outcome === undefined ? '' : `: ${outcome(result)}`} (${took(started)})`);
    return result;
  } catch (error) {
    say(`${what}: failed (${took(started)})`);
    throw error;
  } finally {
    clearTimeout(patience);
  }
}
