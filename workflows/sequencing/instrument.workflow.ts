import { allHandlersFinished, CancellationScope, condition, continueAsNew, isCancellation, proxyActivities, setHandler, sleep } from '@temporalio/workflow';
import { contractFailure } from '../platform/problems.ts';
import { forRecord } from '../platform/policies.ts';
import { runStateTeller } from '../platform/run-state.ts';
import type { Problem } from '../../domain/errors.ts';
import {
  holdInstrument,
  instrumentAnswers,
  instrumentId,
  type InstrumentInput,
  type InstrumentState,
  instrumentStatus,
  mayCopy,
  pipeline,
  polled,
  type Poll,
  releaseInstrument,
  runId,
  type SequencingServiceActivities,
  sighted,
  taskQueues,
  turnOver,
  wantTurn,
  yourTurn,
} from './contract.ts';
import { checkBy, checkId, historyIsLong, now, tell, tellOrStart } from './entity.ts';
import { afterPoll, answers, inWords, isToConfirm, newInstrument, nextTurn, standstill, statusOf, troublesOver, untold } from './instrument-state.ts';
import { patience } from './patience.ts';
import { sequencingRunWorkflow } from './run.workflow.ts';

const services = proxyActivities<SequencingServiceActivities>({ ...forRecord, taskQueue: taskQueues.services });

/** Runs told at the same time. */
const page = 20;

type InstrumentEvent = Parameters<SequencingServiceActivities['saveInstrumentEvent']>[0];

/**
 * A configured instrument, for ever: it takes what each poll found, tells the runs in which something changed, and gives
 * them turns to copy, one at a time. A poll that fails changes nothing but its trouble.
 */
export async function sequencingInstrumentWorkflow(input: InstrumentInput): Promise<void> {
  const { label } = input;
  checkId(instrumentId(label), `the instrument ${label}`);
  let state: InstrumentState = input.resume ?? newInstrument;
  /** Of the newest listing. */
  let sequence = state.told;
  let hindrance: Problem | null = null;
  let woken = false;
  let answered = answers(state);
  let allowed = standstill(state) === null;
  const polls: Poll[] = input.poll === undefined ? [] : [input.poll];
  const events: InstrumentEvent[] = [];
  const confirm: string[] = [];
  const wake = (): void => void (woken = true);
  const status = () => statusOf(label, state, now());

  setHandler(instrumentStatus, status, { description: 'Whether the instrument answers, what is copied from it, and what waits.' });
  setHandler(polled, (poll) => {
    polls.push(poll);
    wake();
  });
  setHandler(wantTurn, ({ copying, ...run }) => {
    const known = state.queue.find((each) => each.experiment === run.experiment);
    // Turns are counted by one clock: ours, where it has seen one.
    const waiting = { ...run, lastCopied: known?.lastCopied ?? run.lastCopied };
    state = { ...state, queue: [...state.queue.filter((each) => each !== known), waiting] };
    if (copying && state.turn === null) take(run.experiment);
    wake();
  });
  setHandler(turnOver, ({ experiment, wants, idle }) => {
    if (state.turn?.experiment === experiment) state = { ...state, turn: null };
    const queue = state.queue.flatMap((run) => {
      if (run.experiment !== experiment) return [run];
      return wants ? [{ ...run, lastCopied: now(), idleCopies: idle ? run.idleCopies + 1 : 0, urgent: false }] : [];
    });
    state = { ...state, queue };
    wake();
  });
  setHandler(
    holdInstrument,
    ({ actor, reason }) => {
      state = { ...state, hold: { actor, reason, since: new Date().toISOString() } };
      note({ actor, kind: 'hold', details: reason, tell: false });
      return status();
    },
    {
      description: 'Begin no more copies from the instrument until it is released: {"actor", "reason"}.',
      validator: (by) => {
        checkBy(by);
        if (state.hold !== null) throw contractFailure(`${label} is held already, by ${state.hold.actor}: ${state.hold.reason}`);
      },
    },
  );
  setHandler(
    releaseInstrument,
    ({ actor, reason }) => {
      state = { ...state, hold: null };
      note({ actor, kind: 'release', details: reason, tell: false });
      return status();
    },
    {
      description: 'Copy from the instrument again: {"actor", "reason"}.',
      validator: (by) => {
        checkBy(by);
        if (state.hold === null) throw contractFailure(`${label} is not held.`);
      },
    },
  );

  function note(event: Pick<InstrumentEvent, 'actor' | 'kind' | 'details' | 'tell'>): void {
    events.push({ instrument: label, at: new Date().toISOString(), ...event });
    wake();
  }

  function take(experiment: string): void {
    const at = new Date().toISOString();
    state = { ...state, turn: { experiment, since: at, confirmed: at } };
  }

  const forget = (experiment: string): void => {
    state = { ...state, queue: state.queue.filter((run) => run.experiment !== experiment), turn: state.turn?.experiment === experiment ? null : state.turn };
  };

  const tellRun = runStateTeller();
  const show = (): void => {
    const shown = status();
    tellRun(
      { pipeline, subject: label, instrument: label, state: shown.state, attention: state.troubles.some((each) => each.told) || hindrance !== null, ...(hindrance === null ? {} : { errorType: hindrance.type }) },
      hindrance === null ? inWords(shown) : `${inWords(shown)}\n\nHindered: ${hindrance.message}`,
    );
  };
  const patiently = patience((problem) => {
    hindrance = problem;
    show();
  });

  function takePoll(poll: Poll): void {
    const before = state.troubles;
    state = afterPoll(state, poll);
    if ('listing' in poll) sequence = Math.max(sequence, poll.listing.sequence);
    for (const over of troublesOver(before, state.troubles)) {
      note({ actor: 'longshore', kind: 'trouble-over', details: over.message, tell: true });
    }
    for (const trouble of untold(state, poll.at)) {
      trouble.told = true;
      note({ actor: 'longshore', kind: 'trouble', details: trouble.message, tell: true });
    }
    if (state.turn !== null && standstill(state) === null && isToConfirm(state, poll.at)) {
      state.turn.confirmed = poll.at;
      confirm.push(state.turn.experiment);
    }
  }

  /** Tells a page of the runs in which something changed. */
  async function tellChanges(): Promise<void> {
    const upTo = sequence;
    const changed = await patiently(() => services.changedRuns({ instrument: label, after: state.told, limit: page }));
    await Promise.all(
      changed.runs.map((sighting) =>
        tellOrStart(runId(sighting.experiment), {
          signal: sighted,
          args: [sighting],
          start: { workflow: sequencingRunWorkflow, args: [{ experiment: sighting.experiment, sighting }], summary: `Run ${sighting.experiment}` },
        }),
      ),
    );
    state = { ...state, told: changed.more ? changed.upTo : Math.max(changed.upTo, upTo) };
  }

  /** Those who wait must know whether anything is known. */
  async function tellWhetherItAnswers(): Promise<void> {
    answered = answers(state);
    const concerned = new Set([...state.queue.map(({ experiment }) => experiment), ...(state.turn === null ? [] : [state.turn.experiment])]);
    for (const experiment of concerned) if (!(await tell(runId(experiment), instrumentAnswers, { answers: answered }))) forget(experiment);
  }

  /** Whose turn it is goes on, or stops where it is. */
  async function tellWhetherItMayCopy(): Promise<void> {
    allowed = standstill(state) === null;
    const { turn } = state;
    if (turn !== null && !(await tell(runId(turn.experiment), mayCopy, { allowed }))) forget(turn.experiment);
  }

  async function giveTurn(experiment: string): Promise<void> {
    if (state.turn?.experiment !== experiment) take(experiment);
    if (!(await tell(runId(experiment), yourTurn))) forget(experiment);
  }

  // One timer, set anew only when another moment is the next: each is an event.
  let alarm: { at: number; scope: CancellationScope } | null = null;
  function wakeAt(at: number | null): void {
    if (alarm?.at === at || (alarm === null && at === null)) return;
    alarm?.scope.cancel();
    alarm = null;
    if (at === null) return;
    const scope = new CancellationScope();
    alarm = { at, scope };
    scope
      .run(() => sleep(Math.max(1, at - now()) * 1000))
      .then(() => {
        alarm = null;
        wake();
      })
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
  }

  for (;;) {
    woken = false;
    for (let poll = polls.shift(); poll !== undefined; poll = polls.shift()) takePoll(poll);
    for (let event = events.shift(); event !== undefined; event = events.shift()) {
      const saved = event;
      await patiently(() => services.saveInstrumentEvent(saved));
    }
    if (answered !== answers(state)) await tellWhetherItAnswers();
    if (allowed !== (standstill(state) === null)) await tellWhetherItMayCopy();
    if (historyIsLong() && polls.length === 0 && events.length === 0 && confirm.length === 0) {
      wakeAt(null);
      await condition(allHandlersFinished);
      if (polls.length === 0 && events.length === 0) await continueAsNew<typeof sequencingInstrumentWorkflow>({ label, resume: state });
    }
    if (state.told < sequence) {
      await tellChanges();
      continue;
    }
    for (let experiment = confirm.shift(); experiment !== undefined; experiment = confirm.shift()) await giveTurn(experiment);
    const next = nextTurn(state, now());
    if (next !== null && 'run' in next) {
      await giveTurn(next.run.experiment);
      continue;
    }
    show();
    wakeAt(next === null ? null : next.at);
    await condition(() => woken);
  }
}
