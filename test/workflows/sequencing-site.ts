/** A site in memory: instruments, copies, records and outbox as the sequencing activities would keep them, all of them well behaved. */
import { Context } from '@temporalio/activity';
import { OperationError } from '../../domain/errors.ts';
import { classifyExperiment } from '../../domain/sequencing/experiment-type.ts';
import type { RunFlags } from '../../domain/sequencing/flags.ts';
import { cellKey } from '../../domain/sequencing/names.ts';
import type { Drift } from '../../domain/sequencing/pipeline-files.ts';
import { ticketMessage } from '../../domain/sequencing/ticket-text.ts';
import type { InstrumentPlan, RunPlan, RunSave, RunSighting, SequencingActivities } from '../../workflows/sequencing/contract.ts';

export interface FakeRun {
  instrument: string;
  location: string;
  firstSeen: number;
  /** On the instrument: cell to whether it has ended. */
  upstream: Map<string, boolean>;
  /** Files of a cell that were not copied yet. */
  fresh: Map<string, number>;
  /** Here: cell to its end marker. */
  local: Map<string, string | null>;
  /** Touch files that a person wrote. */
  hand: Partial<Pick<RunFlags, 'aborted' | 'type'>> & { abortedCells?: string[] };
  /** Files that somebody changed; a save puts them right. */
  drift: Drift[];
  sequence: number;
  saved: RunSave | null;
  events: Map<number, RunSave['events'][number]>;
}

export interface FakeSite {
  activities: SequencingActivities;
  /** What was asked, in order: `copy CELL growing`, with `, reads first` where raw signal was left for later. */
  calls: string[];
  outbox: Map<string, string>;
  troubles: string[];
  runs: Map<string, FakeRun>;
  plan: InstrumentPlan;
  runPlan: RunPlan;
  /** Instruments that do not answer, and why. */
  down: Map<string, OperationError>;
  /** What instruments have that is not mirrored. */
  notes: Map<string, string[]>;
  /** Puts or changes a run on an instrument; its next poll tells of it. */
  put(experiment: string, instrument: string, cells: Record<string, boolean>, firstSeen?: number): FakeRun;
  run(experiment: string): FakeRun;
}

export const endMarker = 'final_summary_PAD48914_88421642.txt';

export function fakeSite(): FakeSite {
  const calls: string[] = [];
  const outbox = new Map<string, string>();
  const troubles: string[] = [];
  const runs = new Map<string, FakeRun>();
  const down = new Map<string, OperationError>();
  const notes = new Map<string, string[]>();
  let sequence = 0;
  const run = (experiment: string): FakeRun => {
    const found = runs.get(experiment);
    if (found === undefined) throw new OperationError('NotFound', `no run ${experiment}`);
    return found;
  };
  const sightingOf = (experiment: string): RunSighting => {
    const { instrument, location, firstSeen, upstream } = run(experiment);
    const local = location === 'LOCAL';
    return { experiment, instrument, location, firstSeen, listed: !local && upstream.size > 0, cells: local ? [] : [...upstream].map(([cell, ended]) => ({ cell, ended })) };
  };
  const found = (experiment: string): RunFlags | null => {
    const { saved, hand } = run(experiment);
    if (saved === null || !saved.flags.known) return null;
    const cells = Object.fromEntries([
      ...Object.entries(saved.flags.cells),
      ...(hand.abortedCells ?? []).map((key) => [key, { ...(saved.flags.cells[key] ?? { synced: false, started: false, done: false, failed: null }), aborted: true }]),
    ]) as RunFlags['cells'];
    return { ...saved.flags, cells, ...(hand.aborted === undefined ? {} : { aborted: hand.aborted }), ...(hand.type === undefined ? {} : { type: hand.type }) };
  };
  const look = (experiment: string) => {
    const { local, saved } = run(experiment);
    return {
      cells: [...local].map(([cell, marker]) => ({ cell, endMarker: marker })),
      found: found(experiment),
      outputResolves: saved?.flags.output !== undefined && saved.flags.output !== null,
      warnings: [],
      drift: run(experiment).drift,
    };
  };

  const site: FakeSite = {
    calls, outbox, troubles, runs, down, notes, run,
    plan: { pace: { shortest: 900, longest: 43_200 }, quiet: false, unreachableSeconds: 3600, clockSkewSeconds: 120, minimumFreeBytes: 0, heartbeat: false },
    runPlan: { version: '9.9.9', phased: false, idleSeconds: 14 * 86_400, stallSeconds: 72 * 3600 },
    put(experiment, instrument, cells, firstSeen = Math.floor(Date.now() / 1000)) {
      const made: FakeRun = runs.get(experiment) ?? {
        instrument, location: `${instrument.toLowerCase()}:/data/${experiment}`, firstSeen, upstream: new Map(), fresh: new Map(), local: new Map(), hand: {}, drift: [], sequence: 0, saved: null, events: new Map(),
      };
      for (const cell of Object.keys(cells)) made.fresh.set(cell, (made.fresh.get(cell) ?? 0) + 3);
      made.upstream = new Map(Object.entries(cells));
      made.sequence = ++sequence;
      runs.set(experiment, made);
      return made;
    },
    activities: {
      async listInstrument({ instrument }) {
        const why = down.get(instrument);
        if (why !== undefined) throw why;
        const mine = [...runs.values()].filter((each) => each.instrument === instrument);
        return {
          sequence: Math.max(0, ...mine.map((each) => each.sequence)), runs: mine.length, cells: mine.reduce((sum, each) => sum + each.upstream.size, 0), clockAheadSeconds: 0, freeBytes: null, notes: site.notes.get(instrument) ?? [], plan: site.plan,
        };
      },
      async writeHeartbeat({ instrument }) {
        calls.push(`heartbeat ${instrument}`);
      },
      async openRun({ experiment, sighting }) {
        calls.push(`open ${experiment}`);
        const known = runs.get(experiment);
        if (known === undefined) return { record: null, sighting: null, remarks: [], plan: site.runPlan, look: { cells: [], found: null, outputResolves: false, warnings: [], drift: [] } };
        const { saved, firstSeen, instrument, location } = known;
        return {
          record: saved === null ? null : { flags: saved.flags, revision: saved.revision, processings: saved.processings, firstSeen, instrument, location, lastChange: firstSeen },
          sighting: sighting === undefined ? sightingOf(experiment) : null,
          remarks: [],
          plan: site.runPlan,
          look: look(experiment),
        };
      },
      async lookAtRun({ experiment }) {
        return { sighting: sightingOf(experiment), look: look(experiment) };
      },
      async setUpRun({ experiment, location }) {
        calls.push(`set up ${experiment}`);
        return { upstream: location, output: `/products/${experiment}`, runPath: `/runs/${experiment}`, type: classifyExperiment(experiment) };
      },
      async copyCell({ experiment, task, pass }) {
        calls.push(`copy ${task.from} ${pass.style}${pass.withoutRawSignal ? ', reads first' : ''}`);
        const of = run(experiment);
        const files = of.fresh.get(task.from) ?? 0;
        of.fresh.set(task.from, 0);
        const marker = of.upstream.get(task.from) === true ? endMarker : null;
        of.local.set(task.to, marker);
        Context.current().heartbeat({ cell: task.from, bytes: files, files, totalFiles: files, rate: 1, secondsLeft: 0, text: 'copied' });
        return { endMarker: marker, files, bytes: String(files * 1000), seconds: 1 };
      },
      async saveRun(save) {
        const of = runs.get(save.experiment) ?? site.put(save.experiment, save.instrument, {}, save.firstSeen);
        for (const event of save.events) of.events.set(event.number, event);
        for (const notice of save.notices) {
          const { key, body } = ticketMessage(notice, { experiment: save.experiment, summary: '', reportUrl: null });
          if (!outbox.has(key)) outbox.set(key, body);
        }
        if ((of.saved?.revision ?? -1) <= save.revision) of.saved = save;
        return { drift: of.drift.splice(0), plan: site.runPlan };
      },
      async planProcessing({ process }) {
        calls.push(`plan ${process.length}`);
        return { cells: process.map((cell) => ({ key: cellKey(cell), cell, parts: 2 })), problems: [], warnings: [] };
      },
      async processPart({ cell, part }) {
        calls.push(`part ${cell} ${part}`);
        return { text: 'merged' };
      },
      async finishCell({ cell, kind }) {
        calls.push(`finish ${cell} ${kind}`);
        return { text: '10 reads' };
      },
      async importRuns({ dryRun }) {
        return { dryRun, runs: 2, known: 0, statuses: { complete: 2 }, problems: [], report: '/state/import.tsv' };
      },
      async changedRuns({ instrument, after, limit }) {
        const changed = [...runs].filter(([, each]) => each.instrument === instrument && each.sequence > after).toSorted(([, a], [, b]) => a.sequence - b.sequence);
        const page = changed.slice(0, limit);
        return { runs: page.map(([experiment]) => sightingOf(experiment)), upTo: page.at(-1)?.[1].sequence ?? after, more: changed.length > page.length };
      },
      async saveInstrumentEvent({ instrument, kind, details }) {
        troubles.push(`${instrument} ${kind}: ${details}`);
      },
      async drainOutbox() {
        return { sent: outbox.size, waiting: 0, problem: null };
      },
    },
  };
  return site;
}

