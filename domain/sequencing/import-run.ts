/** What becomes of a run's record when Longshore takes it over: locks and work of the original have no owner any more. */
import { classifyExperiment } from './experiment-type.ts';
import type { CellFlags, RunFlags } from './flags.ts';

export interface ImportedRun {
  run: RunFlags;
  /** What was changed, and what a person has to decide, one sentence each. */
  remarks: string[];
}

const interrupted = 'was being processed by the former pipeline when the run was taken over; retry it';

/**
 * Drops a copy’s lock, turns cells whose processing nobody does any more into failed ones, and gives the type by its name to a run whose files tell none:
 * else its cells would be marked finished. The former pipeline must not run.
 */
export function importRun(found: RunFlags, experiment: string): ImportedRun {
  const remarks: string[] = [];
  if (found.sync.started) remarks.push('The lock of a copy (sync.started) was dropped: nobody owns it.');
  const cells = Object.fromEntries(
    Object.entries(found.cells).map(([key, flags]): [string, CellFlags] => {
      if (!flags.started || flags.done || flags.failed !== null) return [key, flags];
      remarks.push(`The cell ${key} ${interrupted}.`);
      return [key, { ...flags, failed: interrupted }];
    }),
  );
  if (found.failed !== null) remarks.push(`The run is failed (${found.failed}) and waits for a person.`);
  const type = found.type ?? classifyExperiment(experiment);
  if (found.type === null) remarks.push(`pipeline/type.yaml tells no type: by its name the run is of type ${type.type}.`);
  return { run: { ...found, type, cells, sync: { ...found.sync, started: false } }, remarks };
}
