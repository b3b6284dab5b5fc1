/**
 * Nights that test files ask for when they are loaded. They are played side by side, for most of a night is waiting (a dead worker is noticed by its
 * silence), from when the first one is looked at.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { SimulatedCell } from './instrument/index.ts';
import { Night, type NightOptions, type Seen, spec } from './night.ts';
import { workflowBundle } from './workflow-world.ts';

/** For whoever waits for a night: on a machine with much else to do all of them take minutes. */
export const nightsMs = 420_000;
/** More would only wait for each other. */
const atOnce = 12;

export interface Plan extends NightOptions {
  /** The run's when everything is over. */
  status?: string;
}

type Outcome = { seen: Seen } | { error: unknown };

const planned: { act(common: string): Promise<Seen>; settle(outcome: Outcome): void }[] = [];
let playing: Promise<void> | undefined;

/** Whoever was planned first begins first. */
async function playAll(): Promise<void> {
  const common = await mkdtemp(path.join(os.tmpdir(), 'longshore-nights-'));
  try {
    await new SimulatedCell(path.join(common, 'data'), spec).finish();
    await writeFile(path.join(common, 'workflows.js'), (await workflowBundle()).code);
    const queue = [...planned];
    const stage = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) next.settle(await next.act(common).then((seen) => ({ seen }), (error: unknown) => ({ error })));
    };
    await Promise.all(Array.from({ length: atOnce }, stage));
  } catch (error) {
    for (const { settle } of planned) settle({ error });
  } finally {
    await rm(common, { recursive: true, force: true });
  }
}

after(function () {
  this.timeout(nightsMs);
  return playing;
});

/** Plans a night, which goes on until the run is at rest and everything was told. The answer resolves with what is seen then. */
export function night(play: (night: Night) => Promise<void>, { status, ...options }: Plan = {}): () => Promise<Seen> {
  const { promise, resolve: settle } = Promise.withResolvers<Outcome>();
  const act = async (common: string): Promise<Seen> => {
    const begun = await Night.begin(common, options);
    try {
      await play(begun);
      await begun.rest(status);
      await begun.checkRaw();
      return await begun.seen();
    } finally {
      await begun.end();
    }
  };
  planned.push({ act, settle });
  return async () => {
    playing ??= playAll();
    const outcome = await promise;
    if ('error' in outcome) throw outcome.error;
    return outcome.seen;
  };
}

/** What a night leaves in which nothing happens but a run. */
export const undisturbed = night(async (quiet) => {
  await quiet.work();
  await quiet.poll();
});
