import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  ParentClosePolicy,
  proxyActivities,
  setHandler,
  startChild,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { counted } from '../../domain/counted.ts';
import { errorTypes, type Problem } from '../../domain/errors.ts';
import { cellsIn } from '../../domain/sequencing/cell-state.ts';
import { classifyExperiment, processingOf } from '../../domain/sequencing/experiment-type.ts';
import { flagsOfCell, isSyncLive, type RunFlags } from '../../domain/sequencing/flags.ts';
import { local as localUpstream } from '../../domain/sequencing/location.ts';
import { cellKey } from '../../domain/sequencing/names.ts';
import { cellActions, judgeCellAction, judgeRunAction, runRules, type Verdict } from '../../domain/sequencing/operator-actions.ts';
import { type Drift, type HandSignal, handSignals, hasMeaning } from '../../domain/sequencing/pipeline-files.ts';
import { applyEvent, isRunEvent } from '../../domain/sequencing/run-events.ts';
import type { RunStatus } from '../../domain/sequencing/run-status.ts';
import { workList } from '../../domain/sequencing/run-steps.ts';
import { type CopyTask, passesFor } from '../../domain/sequencing/sync-plan.ts';
import { completionNotice, type TicketEvent, willFinishAll } from '../../domain/sequencing/ticket-text.ts';
import { forRecord, forTransfer } from '../platform/policies.ts';
import { contractFailure, problemOf } from '../platform/problems.ts';
import { runStateTeller } from '../platform/run-state.ts';
import {
  type By,
  cellAction,
  type EventEntry,
  instrumentAnswers,
  instrumentId,
  mayCopy,
  pipeline,
  processingEnded,
  processingId,
  type ProcessingInput,
  type ProcessingResult,
  runAction,
  runId,
  type RunInput,
  type RunState,
  runStatus,
  type RunView,
  type SequencingFileActivities,
  sighted,
  type RunSighting,
  skipCells,
  taskQueues,
  turnOver,
  wantTurn,
  yourTurn,
} from './contract.ts';
import { checkBy, checkId, historyIsLong, iso, now, tell } from './entity.ts';
import { patience } from './patience.ts';
import { sequencingProcessingWorkflow } from './processing.workflow.ts';
import { attentionOf, completionOfCell, factsOf, failsSinceAfter, hasEnded, isAtRest, isUrgent, noChange, openCellsOf, openedState, stalls, upstreamOf, viewInWords, viewOf } from './run-facts.ts';

const files = proxyActivities<SequencingFileActivities>({ ...forRecord, taskQueue: taskQueues.files });

/**
 * A run, from first sight until it has been complete for long. Its cells are states in it, because what happens to one is
 * decided with all others in view. Copying (in turns that its instrument gives) and processing (a child) go on beside each other; what each
 * of them brings is recorded by the loop, which alone decides what is next.
 */
export async function sequencingRunWorkflow(input: RunInput): Promise<{ experiment: string; status: RunStatus }> {
  const { experiment } = input;
  checkId(runId(experiment), `the run ${experiment}`);
  let loaded: RunState | null = input.resume ?? null;
  let missing = false;
  const sightings: RunSighting[] = [];
  const results: ProcessingResult[] = [];
  let woken = false;
  const wake = (): void => void (woken = true);
  let hindrance: Problem | null = null;
  let lookDue = false;
  let lookAgain = false;
  let saveDue = false;
  /** The instrument has given a turn that was not answered yet. */
  let turn = false;
  /** Cleared in the middle of a turn, it ends before the next cell or pass. */
  let mayGoOn = true;
  let asked: 'no' | 'asked' | 'urgent' = 'no';
  let unforeseen: { error: unknown } | null = null;
  let copying: { cell: string | null; scopes: Map<string, CancellationScope>; stop: boolean } | null = null;

  // Only what runs after the record was read may ask for it.
  const theState = (): RunState => {
    if (loaded === null) throw contractFailure(`the run ${experiment} is being opened`);
    return loaded;
  };
  const view = (): RunView => viewOf(experiment, theState(), { copying, waiting: asked !== 'no', hindrance });

  const tellRun = runStateTeller();
  const show = (): void => {
    if (loaded === null) return;
    const shown = view();
    const problem = hindrance ?? (shown.attention === null ? null : (Object.values(loaded.problems)[0] ?? null));
    tellRun(
      { pipeline, subject: experiment, instrument: loaded.instrument, openCells: openCellsOf(shown), state: shown.status, attention: shown.attention !== null || hindrance !== null, ...(problem === null ? {} : { errorType: problem.type }) },
      viewInWords(shown),
    );
  };
  const patiently = patience((problem) => {
    hindrance = problem;
    show();
  });

  /** What a person did, or happened. Notes wait for the next change to be saved with it. */
  function record(event: EventEntry['event'], by?: By): void {
    const state = theState();
    state.revision++;
    state.unsaved.push({ number: state.revision, at: iso(now()), actor: by?.actor ?? 'longshore', event, ...(by === undefined ? {} : { reason: by.reason }) });
    state.failsSince = failsSinceAfter(state, event, now());
    if (isRunEvent(event)) {
      state.flags = applyEvent(state.flags, event);
      saveDue = true;
    }
    if (!noChange.has(event.kind)) {
      state.lastChange = now();
      state.stalledSince = null;
    }
    wake();
  }
  function notify(notice: TicketEvent): void {
    theState().notices.push(notice);
    saveDue = true;
    wake();
  }
  const failure = (stage: string, reason: string, cells: string[], occurrence: string): void => notify({ kind: 'failed', stage, reason, cells, log: `longshore sequencing show ${experiment}`, occurrence });

  setHandler(runStatus, view, { description: 'How the run and each of its cells stand, and what they wait for.' });
  setHandler(sighted, (sighting) => {
    sightings.push(sighting);
    wake();
  });
  setHandler(instrumentAnswers, ({ answers }) => {
    if (loaded !== null) loaded.answers = answers;
    wake();
  });
  setHandler(yourTurn, () => {
    turn = copying === null;
    if (turn) mayGoOn = true;
    wake();
  });
  setHandler(mayCopy, ({ allowed: is }) => {
    mayGoOn = is;
    wake();
  });
  setHandler(processingEnded, (result) => {
    results.push(result);
    wake();
  });

  /** An action that comes before the record was read waits for it. */
  async function act(by: By, judge: (state: RunState) => Verdict, after: () => void): Promise<RunView> {
    await condition(() => loaded !== null || missing);
    if (missing) throw contractFailure(`There is no run ${experiment}.`);
    for (const event of allowed(judge(theState()))) record(event, { actor: by.actor, reason: by.reason });
    after();
    show();
    return view();
  }
  const judgeRun = ({ request }: { request: Parameters<typeof judgeRunAction>[0] }) => (state: RunState): Verdict => {
    const { status, cells } = factsOf(state);
    return judgeRunAction(request, { status, flags: state.flags, cells });
  };
  const judgeCell = ({ key, action }: { key: string; action: Parameters<typeof judgeCellAction>[0] }) => (state: RunState): Verdict => {
    const cell = factsOf(state).cells.find((each) => each.key === key);
    return cell === undefined ? { allowed: false, why: `The run has no cell ${key}.` } : judgeCellAction(action, cell);
  };
  setHandler(
    runAction,
    (request) =>
      act(request, judgeRun(request), () => {
        if (request.request.action === 'abort') stopAll();
        if (request.request.action === 'clear-failure') theState().problems = {};
        // Nobody told it of cells that appeared meanwhile.
        if (request.request.action === 'restore') lookDue = true;
      }),
    {
      description: `What a person does to the run: {"actor", "reason", "request": {"action": one of ${Object.keys(runRules).join(', ')}}}; set-type with "type": {"type", for visitors "uun"}.`,
      validator: (request) => {
        checkBy(request);
        if (loaded !== null) allowed(judgeRun(request)(loaded));
      },
    },
  );
  setHandler(
    cellAction,
    (request) =>
      act(request, judgeCell(request), () => {
        delete theState().problems[request.key];
        if (request.action === 'abort') stopCells([request.key]);
        if (request.action === 'retry' && cellsIn(factsOf(theState()).cells, 'NEW', 'PENDING').some(({ key }) => key === request.key)) theState().copyNow = true;
      }),
    {
      description: `What a person does to a cell: {"actor", "reason", "key": its directory, "action": one of ${cellActions.join(', ')}}.`,
      validator: (request) => {
        checkBy(request);
        if (loaded !== null) allowed(judgeCell(request)(loaded));
      },
    },
  );

  function stopAll(): void {
    const state = theState();
    if (copying !== null) copying.stop = true;
    for (const scope of copying?.scopes.values() ?? []) scope.cancel();
    if (state.processing !== null) stopProcessing(state.processing, state.processing.process.map(cellKey));
  }
  function stopCells(keys: string[]): void {
    for (const key of keys) copying?.scopes.get(key)?.cancel();
    const { processing } = theState();
    if (processing !== null) stopProcessing(processing, keys);
  }
  /** Whether somebody hears it does not matter: one that has ended tells so itself. */
  function stopProcessing({ number }: ProcessingInput, keys: string[]): void {
    void tell(processingId(experiment, number), skipCells, { keys });
  }

  /** ---- opening ---- */

  let found: RunFlags | null = null;
  if (loaded === null) {
    const opened = await patiently(() => files.openRun({ experiment, ...(input.sighting === undefined ? {} : { sighting: input.sighting }) }));
    const state = openedState(input, opened, now());
    if (state === null) {
      missing = true;
      await condition(allHandlersFinished);
      throw contractFailure(`There is no run ${experiment}.`);
    }
    loaded = state;
    ({ found } = opened.look);
    if (opened.record === null) record({ kind: 'first-seen', location: state.location });
    for (const remark of opened.remarks) record({ kind: 'imported', remark });
    // A copy that was at work when the workflow was ended has no owner any more; a processing may have.
    if (isSyncLive(state.flags.sync)) record({ kind: 'sync-released' });
    const busy = cellsIn(factsOf(state).cells, 'PROCESSING');
    if (busy.length > 0) state.processing = processingInput(experiment, state, state.processings, busy.flatMap(({ cell }) => cell ?? []));
    checkCompletion();
  }
  const state = theState();
  if (state.processing !== null) await launch(state.processing);
  const seen = new Set(input.resume === undefined ? Object.keys(state.flags.cells) : factsOf(state).cells.map(({ key }) => key));
  /** A cell that was seen by an earlier execution is kept once all the same, by its name. */
  function noteNewCells(): void {
    for (const { key } of factsOf(state).cells) {
      if (seen.has(key)) continue;
      seen.add(key);
      record({ kind: 'cell-seen', key });
    }
  }
  // Before anything is copied or processed: a person may have said meanwhile that nothing shall be.
  takeSignals(found);

  /** ---- looking ---- */

  function takeSighting(sighting: RunSighting): void {
    state.answers = true;
    lookDue = true;
    // The instrument's entity may be a new one, which knows of no queue and no turn.
    asked = 'no';
    learn(sighting);
  }

  function learn(sighting: RunSighting): void {
    const before = state.sighting;
    state.sighting = sighting;
    state.location = sighting.location;
    if (JSON.stringify([before?.listed, before?.cells]) !== JSON.stringify([sighting.listed, sighting.cells])) {
      record({ kind: 'upstream-changed', listed: sighting.listed, cells: sighting.cells.length, ended: sighting.cells.filter(({ ended }) => ended).length });
    }
    if (sighting.listed && state.flags.known && state.flags.upstream === null) record({ kind: 'upstream-learnt', upstream: sighting.location });
  }

  async function look(): Promise<void> {
    const { revision } = state;
    const { sighting, look: seen } = await patiently(() => files.lookAtRun({ experiment }));
    // What happened meanwhile may be in these files, or not.
    if (state.revision !== revision) return;
    lookDue = false;
    if (sighting !== null) learn(sighting);
    // While cells arrive their copy knows best what is here.
    if (copying !== null) lookAgain = true;
    else state.local = seen.cells;
    state.outputResolves = seen.outputResolves;
    state.warnings = seen.warnings;
    takeDrift(seen.drift);
    takeSignals(seen.found);
    checkCompletion();
  }

  /** Each change by somebody else is noted once, and shown while it lasts. */
  function takeDrift(drift: Drift[]): void {
    const known = new Set(state.drift.map(({ name, kind }) => `${kind} ${name}`));
    const news = drift.filter(({ name, kind }) => !known.has(`${kind} ${name}`));
    state.drift = drift;
    if (news.length > 0) record({ kind: 'drift', drift: news });
  }

  /** @param found what the files of `pipeline/` say. */
  function takeSignals(found: RunFlags | null): void {
    if (found !== null) for (const signal of handSignals(state.flags, found)) takeHandSignal(signal);
  }

  function takeHandSignal(signal: HandSignal): void {
    const by: By = { actor: 'hand signal', reason: 'a file in pipeline/' };
    if (signal.kind === 'set-type') record({ kind: 'type-set', type: signal.type }, by);
    else if (signal.kind === 'stripped') record(signal, by);
    else if (signal.kind === 'abort-run') {
      record({ kind: 'run-aborted', aborted: true }, by);
      stopAll();
    } else {
      record({ kind: 'cell-aborted', key: signal.key, aborted: true }, by);
      stopCells([signal.key]);
    }
  }

  /** Cells that lie here and that the instrument does not have (any more): their end marker decides. */
  function checkCompletion(): void {
    const current = theState();
    const { cells, steps, upstream } = factsOf(current);
    if (!steps.includes('check-completion')) return;
    for (const { key, present } of cellsIn(cells, 'INCOMPLETE')) {
      if (present && completionOfCell(current, key, upstream).complete) record({ kind: 'cell-complete', key });
    }
  }

  /** ---- set-up ---- */

  async function setUp(): Promise<void> {
    try {
      const { runPath, ...made } = await files.setUpRun({ experiment, location: state.location });
      record({ kind: 'set-up', ...made });
      state.outputResolves = true;
      notify({ kind: 'new-run', upstream: state.location === localUpstream ? null : state.location, runPath, cells: factsOf(state).cells.length });
      checkCompletion();
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { message } = problemOf(error);
      const stage = 'New_Run_Setup';
      const cells = factsOf(state).cells.map(({ key, cell }) => cell ?? key);
      record({ kind: 'run-failed', reason: `${stage} on ${dateText()}: ${message} (${[counted(cells.length, 'cell'), ...cells].join(' ')})` });
      failure(stage, message, cells, String(state.revision));
    }
  }

  /** ---- processing ---- */

  async function startProcessing(): Promise<void> {
    const { cells } = factsOf(state);
    const ready = workList(cells).process;
    if (processingKind(experiment, state) === 'mark-finished') {
      for (const { key } of ready) record({ kind: 'processing-done', key });
      return;
    }
    const notice = completionNotice(cells, state.flags.notified);
    if (notice !== null) {
      notify({ kind: 'all-cells-run', ...notice });
      record({ kind: 'notified', cells: notice.cells });
    }
    state.finishesAll = willFinishAll(cells);
    state.processings++;
    state.processing = processingInput(experiment, state, state.processings, ready.flatMap(({ cell }) => cell ?? []));
    record({ kind: 'processing-started', keys: ready.map(({ key }) => key), startTime: `${state.plan.version}@${dateText()}` });
    notify({ kind: 'processing', ready: state.processing.process, occurrence: String(state.processings) });
    await launch(state.processing);
  }

  /** Starts the child, or finds it at work. It tells how it came out by a signal, since this execution may end before it. */
  async function launch(processing: ProcessingInput): Promise<void> {
    try {
      const child = await startChild(sequencingProcessingWorkflow, {
        workflowId: processingId(experiment, processing.number),
        args: [processing],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `Processing ${processing.number} of ${experiment}`,
      });
      // One that somebody ended tells nothing itself.
      void child.result().catch((error: unknown) => {
        const problem = problemOf(error);
        results.push({ number: processing.number, cells: processing.process.map((cell) => ({ key: cellKey(cell), state: 'failed', problem, text: problem.message })), warnings: [] });
        wake();
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  }

  function takeProcessing({ number, cells, warnings }: ProcessingResult): void {
    // Told twice, or told of what is no more.
    if (state.processing?.number !== number) return;
    const nameOf = new Map(state.processing.process.map((cell) => [cellKey(cell), cell]));
    const stage = state.processing.kind === 'checksums' ? 'Checksumming' : 'Processing_Cells';
    state.processing = null;
    state.processingWarnings = warnings;
    if (warnings.length > 0) record({ kind: 'processing-warned', warnings });
    let why: string | undefined;
    const outcome = { done: [] as string[], failed: [] as string[] };
    const silent = [...nameOf.keys()].filter((key) => !cells.some((each) => each.key === key));
    const untold: Problem = { type: 'Unexpected', message: 'The processing ended without a word of it.' };
    for (const { key, state: ended, problem } of [...cells, ...silent.map((key) => ({ key, state: 'failed' as const, problem: untold }))]) {
      // A person took it out meanwhile.
      if (!flagsOfCell(state.flags, key).started) continue;
      if (ended === 'stopped') record({ kind: 'cell-retried', key });
      else if (ended === 'done') {
        delete state.problems[key];
        record({ kind: 'processing-done', key });
        outcome.done.push(nameOf.get(key) ?? key);
      } else {
        if (problem !== undefined) state.problems[key] = problem;
        record({ kind: 'processing-failed', key, reason: problem?.message ?? 'no reason was given' });
        outcome.failed.push(nameOf.get(key) ?? key);
        why ??= problem?.message;
      }
    }
    if (outcome.done.length > 0) notify({ kind: 'finished', cells: outcome.done, all: state.finishesAll && outcome.failed.length === 0, occurrence: String(number) });
    if (outcome.failed.length > 0) failure(stage, why ?? 'no reason was given', outcome.failed, String(number));
  }

  /** ---- copying ---- */

  /** One turn: every cell that is to be copied, one after another; one that fails hides no other. It ends early where there are more than a history should hold. */
  async function copyTurn(mine: NonNullable<typeof copying>): Promise<void> {
    record({ kind: 'sync-started' });
    state.copyNow = false;
    const failed: string[] = [];
    const seen = new Set<string>();
    let brought = false;
    for (;;) {
      const enough = mine.stop || !state.answers || !mayGoOn || (seen.size > 0 && historyIsLong());
      const task = enough ? undefined : factsOf(state).tasks.find(({ key }) => !seen.has(key));
      if (task === undefined) break;
      seen.add(task.key);
      const scope = new CancellationScope();
      mine.scopes.set(task.key, scope);
      mine.cell = task.to;
      show();
      try {
        brought = (await scope.run(() => copyCell(task))) || brought;
        delete state.problems[task.key];
      } catch (error) {
        // A person aborted the cell, or the run.
        if (isCancellation(error)) {
          if (!scope.consideredCancelled) throw error;
          state.passes[task.key] ??= 'failed';
        } else {
          const problem = problemOf(error);
          failed.push(task.key);
          if (state.passes[task.key] !== 'compared') state.passes[task.key] = 'failed';
          // As long as it lasts for any cell: a full disk is one event to a person, not one a cell and turn.
          const known = factsOf(state).tasks.some(({ key }) => state.problems[key]?.type === problem.type);
          state.problems[task.key] = problem;
          record({ kind: 'copy-failed', key: task.key, problem });
          // What passes by itself is tried again without a word.
          if (!known && problem.type !== 'Unexpected' && errorTypes[problem.type].person) failure('Copying', problem.message, [task.to], `${problem.type}/${iso(now())}`);
        }
      } finally {
        mine.scopes.delete(task.key);
        mine.cell = null;
      }
    }
    record({ kind: 'sync-ended', failed });
    state.lastCopied = now();
    // One that was cut short says nothing about what there is.
    const idle = !brought && mayGoOn;
    state.idleCopies = brought ? 0 : state.idleCopies + (idle ? 1 : 0);
    const wants = factsOf(state).tasks.length > 0 || !state.answers;
    asked = wants ? 'asked' : 'no';
    lookDue ||= lookAgain;
    lookAgain = false;
    // Before the instrument hears of it: its next turn may be ours.
    copying = null;
    wake();
    await tell(instrumentId(state.instrument), turnOver, { experiment, wants, idle });
  }

  /** The passes over one cell; it is complete right after the last. True when something new came. */
  async function copyCell(task: CopyTask): Promise<boolean> {
    const { key, to, restart } = task;
    const ended = hasEnded(state, key);
    const { synced, started, failed } = flagsOfCell(state.flags, key);
    if (restart && (synced || started || failed !== null)) record({ kind: 'cell-restarted', key });
    let brought = false;
    for (const [index, pass] of passesFor({ ended, phased: state.plan.phased }).entries()) {
      if (index > 0 && !mayGoOn) {
        state.passes[key] ??= 'failed';
        break;
      }
      const { copyCell: copy } = proxyActivities<SequencingFileActivities>({ ...forTransfer, taskQueue: taskQueues.copies, summary: `${to}, ${pass.style}${pass.withoutRawSignal ? ' without raw signal' : ''}` });
      const { endMarker, ...sent } = await copy({ experiment, instrument: state.instrument, location: state.location, task, pass });
      state.local = [...state.local.filter(({ cell }) => cell !== to), { cell: to, endMarker }];
      if (sent.files > 0) {
        brought = true;
        record({ kind: 'copied', key, ...sent });
      }
      if (pass.withoutRawSignal) continue;
      // A whole pass over what grows makes good what an earlier one left undone.
      if (ended) state.passes[key] = pass.style === 'comparing' ? 'compared' : 'appended';
      else delete state.passes[key];
    }
    if (completionOfCell(state, key, upstreamOf(state)).complete) record({ kind: 'cell-complete', key });
    return brought;
  }

  /** Asks for a turn once, and once more when it has become urgent. */
  async function ask(tasks: CopyTask[]): Promise<void> {
    const urgent = copying === null && isUrgent(state, tasks);
    if (asked === 'urgent' || (asked === 'asked' && !urgent)) return;
    asked = urgent ? 'urgent' : 'asked';
    const { firstSeen, lastCopied, idleCopies } = state;
    await tell(instrumentId(state.instrument), wantTurn, { experiment, firstSeen, lastCopied, idleCopies, urgent, copying: copying !== null });
  }

  async function save(): Promise<void> {
    saveDue = false;
    const facts = factsOf(state);
    // Copies: more may come while these are saved.
    const events = [...state.unsaved];
    const notices = [...state.notices];
    const { instrument, location, firstSeen, revision, processings, flags } = state;
    const { drift, plan } = await patiently(() =>
      files.saveRun({ experiment, instrument, location, firstSeen, revision, processings, flags, status: facts.status, cells: facts.cells, attention: attentionOf(state, facts)?.why ?? null, events, notices }),
    );
    state.plan = plan;
    state.unsaved = state.unsaved.slice(events.length);
    state.notices = state.notices.slice(notices.length);
    takeDrift(drift);
    // The record has won over all others.
    state.drift = drift.filter(({ name }) => !hasMeaning(name));
  }

  /** ---- the loop ---- */

  try {
    for (;;) {
      woken = false;
      if (unforeseen !== null) throw (unforeseen as { error: unknown }).error;
      for (let result = results.shift(); result !== undefined; result = results.shift()) takeProcessing(result);
      for (let sighting = sightings.shift(); sighting !== undefined; sighting = sightings.shift()) takeSighting(sighting);
      // What changed later than now changed before the clock was set back.
      state.lastChange = Math.min(state.lastChange, now());
      noteNewCells();
      if (saveDue) {
        show();
        await save();
        continue;
      }
      if (stalls(state, factsOf(state), now()) && state.stalledSince === null) {
        state.stalledSince = now();
        record({ kind: 'stalled', since: iso(state.lastChange) });
        failure('Stalled', `nothing has changed since ${iso(state.lastChange)}`, [], iso(state.lastChange));
        continue;
      }
      if (factsOf(state).status !== 'unknown') state.outputMissingSince = null;
      else if (state.outputMissingSince === null) {
        state.outputMissingSince = now();
        record({ kind: 'output-missing' });
        failure('Output', 'its output directory is missing', [], iso(state.outputMissingSince));
        continue;
      }
      if (lookDue) {
        await look();
        continue;
      }
      if (historyIsLong() && copying === null && !turn) {
        await condition(allHandlersFinished);
        if (!woken) await continueAsNew<typeof sequencingRunWorkflow>({ experiment, resume: state });
      }
      const { steps, tasks, status } = factsOf(state);
      if (steps.includes('set-up')) {
        await setUp();
        continue;
      }
      if (steps.includes('process') && state.processing === null) {
        await startProcessing();
        continue;
      }
      if (copying === null && tasks.length > 0 && turn) {
        const mine = { cell: null, scopes: new Map<string, CancellationScope>(), stop: false };
        turn = false;
        copying = mine;
        void copyTurn(mine).catch((error: unknown) => {
          unforeseen = { error };
          copying = null;
          wake();
        });
        continue;
      }
      if (tasks.length > 0) await ask(tasks);
      // While the instrument does not answer nothing can be copied, and nobody loses their place.
      if (copying === null && tasks.length === 0 && (turn || (asked !== 'no' && state.answers))) {
        turn = false;
        if (state.answers) asked = 'no';
        await tell(instrumentId(state.instrument), turnOver, { experiment, wants: !state.answers, idle: true });
      }
      const idleUntil = state.lastChange + state.plan.idleSeconds;
      if (isAtRest(status) && copying === null && state.processing === null && now() >= idleUntil && !woken) {
        if (state.unsaved.length > 0) await save();
        await condition(allHandlersFinished);
        if (!woken) return { experiment, status };
      }
      show();
      const until = isAtRest(status) ? idleUntil : state.lastChange + (state.plan.stallSeconds ?? -Infinity) + 1;
      // Each timer is an event: while it is busy there is nothing to wait for.
      if (until <= now() || copying !== null || state.processing !== null) await condition(() => woken);
      // By now another time may be configured.
      else if (!(await condition(() => woken, (until - now()) * 1000))) saveDue = true;
    }
  } finally {
    // A cancelled run waits for its copy to have stopped.
    if (copying !== null) await CancellationScope.nonCancellable(() => condition(() => copying === null));
  }
}

/** The events of a verdict; a refusal is thrown as its sentence. */
function allowed(verdict: Verdict): Extract<Verdict, { allowed: true }>['events'] {
  if (!verdict.allowed) throw contractFailure(verdict.why);
  return verdict.events;
}

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** `Saturday, 21 Nov 2026 06:30:00`, UTC. */
function dateText(): string {
  const date = new Date();
  return `${weekdays[date.getUTCDay()]}, ${date.toUTCString().slice(5, 25)}`;
}

/** Without a recorded type the name decides: nobody's cells are marked finished because a file is missing. */
function processingKind(experiment: string, { flags }: RunState): (typeof processingOf)[keyof typeof processingOf] {
  return processingOf[(flags.type ?? classifyExperiment(experiment)).type];
}

function processingInput(experiment: string, state: RunState, number: number, process: string[]): ProcessingInput {
  const { cells } = factsOf(state);
  const names = (list: readonly { cell: string | null }[]): string[] => list.flatMap(({ cell }) => cell ?? []);
  return {
    experiment,
    number,
    kind: processingKind(experiment, state) === 'checksums' ? 'checksums' : 'full',
    process,
    report: [...new Set([...process, ...names(workList(cells).report)])],
    cells: names(cells),
    aborted: cellsIn(cells, 'ABORTED').length,
  };
}
