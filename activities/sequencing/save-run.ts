/** Keeps a run: its record and history in the database, what is to be told in the outbox, and from the record the files of `pipeline/`. */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { local } from '../../domain/sequencing/location.ts';
import type { Drift } from '../../domain/sequencing/pipeline-files.ts';
import { runSummary } from '../../domain/sequencing/ticket-summary.ts';
import { ticketMessage, type TicketEvent } from '../../domain/sequencing/ticket-text.ts';
import type { EventEntry, RunPlan, RunSave } from '../../workflows/sequencing/contract.ts';
import type { Database } from '../platform/database/index.ts';
import { appendEvents, type StoredEvent } from './event-store.ts';
import { checkMounted } from './mounted.ts';
import { appendPipelineLog } from './pipeline-log.ts';
import { enqueueMessages, type OutboxMessage } from './outbox.ts';
import { projectRun } from './project-run.ts';
import { saveProjected, saveRun, storedRun } from './run-store.ts';
import { runDirectories, runPlan, runsRoot } from './settings.ts';

export interface SaveDeps {
  config: Config;
  database: Database;
  /** Of the program, for the history. */
  version: string;
  /** First line of what tickets say: version, account and host, place of the program. */
  program: string;
}

/** May be done again, and by a worker that was given up: a newer record stays. Throws what the database and `projectRun` throw, and `DependencyDown` when the root of raw copies is not there; then all but the files is kept. */
export async function keepRun({ config, database, version, program }: SaveDeps, save: RunSave): Promise<{ drift: Drift[]; plan: RunPlan }> {
  const { events, notices, ...run } = save;
  const at = new Date().toISOString();
  await appendEvents(database, events.flatMap((entry) => storedEventsOf(save, entry, version)));
  // What nobody is to be told today is not kept until somebody is.
  const told = config.sequencing.tickets.kind === 'none' ? [] : notices;
  await enqueueMessages(database, told.map((notice) => messageOf(save, notice, { program, runPath: runDirectories(config, save.experiment).run })), at);
  await saveRun(database, run, at);
  return { drift: await projectStored({ config, database }, save.experiment), plan: runPlan(config, save.instrument, version) };
}

/** Writes the files of the newest record, until no newer one has come meanwhile; last the log, whose change tells others to look. */
export async function projectStored({ config, database }: Pick<SaveDeps, 'config' | 'database'>, experiment: string): Promise<Drift[]> {
  await checkMounted(runsRoot(config));
  const directory = join(runDirectories(config, experiment).run, 'pipeline');
  const drift = new Map<string, Drift>();
  for (;;) {
    const stored = (await storedRun(database, experiment))!;
    for (const each of await projectRun({ directory, previous: stored.projected, next: stored.flags })) drift.set(each.name, each);
    if (!(await saveProjected(database, stored))) continue;
    // A run that could not be set up has no products: the directory is somebody else’s.
    if (stored.flags.output !== null) await appendPipelineLog(database, { experiment, output: runDirectories(config, experiment).output });
    return [...drift.values()];
  }
}

/** Lines of a run's history, which its number makes unique; a first sight is by the cell. What concerns several cells is a line for each: each has a history of its own. */
function storedEventsOf({ experiment, instrument }: RunSave, { number, at, actor, event, reason }: EventEntry, version: string): StoredEvent[] {
  const base = { instrument, experiment, at, actor, version, kind: event.kind };
  const because = reason === undefined ? {} : { reason };
  if (event.kind === 'processing-started') {
    const { keys, startTime } = event;
    return keys.map((cell, index) => ({ ...base, key: `${experiment}/${number}/${index}`, cell, details: { startTime, ...because } }));
  }
  const { kind: _kind, ...details } = event;
  // Two long names together are more than a key may have.
  const key = event.kind === 'cell-seen' ? `${experiment}/seen/${hash('sha256', event.key).slice(0, 16)}` : `${experiment}/${number}`;
  return [{ ...base, key, cell: 'key' in event ? event.key : null, details: { ...details, ...because } }];
}

function messageOf({ experiment, location, flags, cells }: RunSave, notice: TicketEvent, { program, runPath }: { program: string; runPath: string }): OutboxMessage {
  const upstream = location === local ? null : location;
  const summary = runSummary({ program, runPath, experiment, upstream, cells, finished: notice.kind === 'finished' });
  return { ...ticketMessage(notice, { experiment, summary, reportUrl: flags.reportUrl }), experiment, type: flags.type?.type ?? 'unknown' };
}
