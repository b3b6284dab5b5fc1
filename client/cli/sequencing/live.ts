/** What workflows know at this moment, beside what is recorded. A server that does not answer takes nothing from the record. */
import { setTimeout as delay } from 'node:timers/promises';
import { OperationError } from '../../../domain/errors.ts';
import type { Longshore, Sequencing } from '../../index.ts';
import type { RunView } from '../../../workflows/sequencing/contract.ts';
import type { CommandContext } from '../context.ts';
import { problemOf } from '../failures.ts';
import { note, safeText } from '../output.ts';

const connectMs = 3000;
const answerMs = 5000;

/**
 * Asks a workflow; undefined when there is none, or when nobody answers in time: then `unknown` is noted with the reason.
 */
export async function askLive<T>(context: CommandContext, unknown: string, ask: (sequencing: Sequencing) => Promise<T>): Promise<T | undefined> {
  try {
    const { sequencing, temporal } = await soon(context.connect());
    return await temporal.withDeadline(Date.now() + answerMs, () => ask(sequencing));
  } catch (error) {
    const { type, message } = problemOf(error);
    if (type !== 'NotFound') note(`${unknown} ${safeText(message)}`);
    return undefined;
  }
}

/** A server that is away need not be waited for as long as by those who cannot do without it. */
async function soon(connecting: Promise<Longshore>): Promise<Longshore> {
  const waiting = new AbortController();
  const late = delay(connectMs, undefined, { signal: waiting.signal }).then(() => {
    throw new OperationError('DependencyDown', 'Temporal does not answer.');
  });
  try {
    return await Promise.race([connecting, late]);
  } finally {
    waiting.abort();
    for (const each of [connecting, late]) each.catch(() => undefined); // whichever lost
  }
}

/** Runs that are asked at the same time. */
const atOnce = 8;

/** How runs stand now, by name; those that nobody answers for are left out. */
export async function liveViews(context: CommandContext, experiments: readonly string[]): Promise<Map<string, RunView>> {
  const views = new Map<string, RunView>();
  if (experiments.length === 0) return views;
  await askLive(context, 'Only what is recorded is shown.', async (sequencing) => {
    const left = [...experiments];
    const worker = async (): Promise<void> => {
      for (let experiment = left.shift(); experiment !== undefined; experiment = left.shift()) {
        try {
          views.set(experiment, await sequencing.run(experiment).status());
        } catch (error) {
          // One that has ended long ago, or is being opened.
          if (problemOf(error).type === 'DependencyDown') throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  });
  return views;
}
