/**
 * Everything that two sides of the sequencing pipeline must agree on: ids, task queues, inputs, results, queries, updates,
 * signals and the activities' signatures. Safe inside the workflow sandbox and outside.
 *
 * Who does what: a schedule's tick lists an instrument; the instrument's entity keeps the queue of copies and tells runs what has
 * changed upstream; a run's entity decides for itself and its cells; a processing is a child of the run.
 */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Problem } from '../../domain/errors.ts';
import type { Cell, CellState } from '../../domain/sequencing/cell-state.ts';
import type { ExperimentType } from '../../domain/sequencing/experiment-type.ts';
import type { RunFlags } from '../../domain/sequencing/flags.ts';
import type { CellAction, RunAction } from '../../domain/sequencing/operator-actions.ts';
import type { Drift } from '../../domain/sequencing/pipeline-files.ts';
import type { RunEvent } from '../../domain/sequencing/run-events.ts';
import type { RunStatus } from '../../domain/sequencing/run-status.ts';
import type { CopyTask, Pass } from '../../domain/sequencing/sync-plan.ts';
import type { Pace } from '../../domain/sequencing/sync-queue.ts';
import type { TicketEvent } from '../../domain/sequencing/ticket-text.ts';

export const pipeline = 'sequencing';

/**
 * Task queues: capability, not host. `files`, `copies` and `processing` see raw copies, products and the keys of ssh, each with room of its own:
 * a look at an instrument waits for no copy, and processing for none either. `services` reaches the database and the ticket system.
 */
export const taskQueues = {
  workflows: 'sequencing.workflows',
  files: 'sequencing.files',
  copies: 'sequencing.copies',
  processing: 'sequencing.processing',
  services: 'sequencing.services',
} as const;

/** Workflow type names: stored for ever. */
export const workflowTypes = {
  tick: 'sequencingTickWorkflow',
  instrument: 'sequencingInstrumentWorkflow',
  run: 'sequencingRunWorkflow',
  processing: 'sequencingProcessingWorkflow',
  outbox: 'sequencingOutboxWorkflow',
  import: 'sequencingImportWorkflow',
} as const;

/** An instrument's id is the lock of its queue: one copy at a time. `label` as configured. */
export const instrumentId = (label: string): string => `sequencing/instrument/${label}`;
/** A run's id is its lock. `experiment` is the pinned name. */
export const runId = (experiment: string): string => `sequencing/run/${experiment}`;
/** The processings of a run are numbered from 1. */
export const processingId = (experiment: string, number: number): string => `${runId(experiment)}/processing/${number}`;
/** Of a poll that somebody asks for; those of the schedule have ids of their own. */
export const pollId = (label: string): string => `${instrumentId(label)}/poll`;
export const outboxId = 'sequencing/outbox';
export const importId = 'sequencing/import';

/** What runs by the clock. */
export const pollScheduleId = (label: string): string => `sequencing-poll-${label}`;
export const outboxScheduleId = 'sequencing-outbox';

/** ---- polling ----------------------------------------------------------------------------------------------- */

/** What the schedule of an instrument starts. */
export interface TickInput {
  instrument: string;
}

export interface TickResult {
  instrument: string;
  did: 'told' | 'started';
  poll: Poll;
}

/** One look at an instrument: a listing, or why there is none. `at` is an ISO instant. */
export type Poll = { at: string; listing: ListingRef } | { at: string; problem: Problem };

/** What the configuration says to an instrument's entity; comes with each listing, so that changes reach it without a restart. */
export interface InstrumentPlan {
  /** Seconds between copies of one run. */
  pace: Pace;
  /** Now is an hour in which nothing new is copied. */
  quiet: boolean;
  /** Silence that is told to people, in seconds. */
  unreachableSeconds: number;
  /** Difference of clocks that is told to people, in seconds. */
  clockSkewSeconds: number;
  /** Free space on the instrument below which people are told. */
  minimumFreeBytes: number;
  /** Where the instrument shows that copying works; false where it shows nothing. */
  heartbeat: boolean;
}

/** A listing that is kept in the database: what it was, not its rows. */
export interface ListingRef {
  /**
   * Number of the newest change: rises when a run of this instrument has other cells, ends or hand signals than before, else stays.
   * Runs that may not be seen at the moment (directories that cannot be read) do not count as changed.
   */
  sequence: number;
  runs: number;
  cells: number;
  clockAheadSeconds: number;
  /** Free on the instrument's disk; null where it does not tell. */
  freeBytes: number | null;
  /** What is not mirrored, in whole or in part, and why: one sentence each; at most 10. */
  notes: string[];
  plan: InstrumentPlan;
}

/** What a good listing says of one run. */
export interface RunSighting {
  experiment: string;
  /** The instrument's label. */
  instrument: string;
  /** The run's directory on the instrument, or `LOCAL`. */
  location: string;
  /** Unix seconds of the first sight. */
  firstSeen: number;
  /** False: the instrument has it no more, or it is local. */
  listed: boolean;
  /** On the instrument; of a local run those that lie here. */
  cells: SightedCell[];
}

export interface SightedCell {
  /** `library/celldir` */
  cell: string;
  /** The instrument has written its end marker. */
  ended: boolean;
}

/** ---- instrument -------------------------------------------------------------------------------------------- */

export interface InstrumentInput {
  label: string;
  /** The poll that started it. */
  poll?: Poll;
  /** Only for continuing as new. */
  resume?: InstrumentState;
}

/** What an instrument's entity carries from one execution to the next. */
export interface InstrumentState {
  plan: InstrumentPlan | null;
  /** Sequence of the newest change that the runs were told of. */
  told: number;
  /** ISO instant of the last good listing. */
  listedAt: string | null;
  runs: number;
  cells: number;
  troubles: Trouble[];
  hold: Hold | null;
  queue: QueuedRun[];
  /** The run that copies now. Times are ISO instants. */
  turn: { experiment: string; since: string; confirmed: string } | null;
}

/** Something that holds copying up, since when, and whether people were told. */
export interface Trouble {
  kind: 'unreachable' | 'host-key' | 'clock-skew' | 'disk-full' | 'listing' | 'left-out';
  /** ISO instant. */
  since: string;
  message: string;
  told: boolean;
}

export interface Hold {
  actor: string;
  reason: string;
  /** ISO instant. */
  since: string;
}

/** A run that has something to copy. Unix seconds. */
export interface QueuedRun {
  experiment: string;
  firstSeen: number;
  lastCopied: number | null;
  /** Copies in a row that brought nothing new. */
  idleCopies: number;
  /** Something new is there: its turn does not wait for the pace. */
  urgent: boolean;
}

export type InstrumentStateName = 'listed' | 'unreachable' | 'held' | 'quiet' | 'unknown';

/** What the instrument’s query answers; the queue is in the order of turns. */
export interface InstrumentStatus extends Omit<InstrumentState, 'plan' | 'told' | 'queue'> {
  label: string;
  state: InstrumentStateName;
  queue: (QueuedRun & { place: number; /** ISO instant from which it may be copied. */ due: string })[];
}

export const instrumentStatus = defineQuery<InstrumentStatus>('instrumentStatus');
export const polled = defineSignal<[Poll]>('polled');
/** A run has something to copy (again). `copying`: it is at it, by a turn that this entity may have forgotten. */
export const wantTurn = defineSignal<[QueuedRun & { copying: boolean }]>('wantTurn');
/** A run's turn is over. `wants`: more will come. `idle`: nothing new came. */
export const turnOver = defineSignal<[{ experiment: string; wants: boolean; idle: boolean }]>('turnOver');
/** Copy nothing from this instrument until it is released; the pass over a cell that is at work is finished. */
export const holdInstrument = defineUpdate<InstrumentStatus, [By]>('holdInstrument');
export const releaseInstrument = defineUpdate<InstrumentStatus, [By]>('releaseInstrument');

/** ---- run --------------------------------------------------------------------------------------------------- */

/** Who does something, and why. */
export interface By {
  actor: string;
  reason: string;
}

export interface RunInput {
  experiment: string;
  /** The sighting that started it; absent when a person's action did. */
  sighting?: RunSighting;
  /** Only for continuing as new. */
  resume?: RunState;
}

/** What a run's entity carries from one execution to the next. Times are Unix seconds. */
export interface RunState {
  instrument: string;
  location: string;
  firstSeen: number;
  plan: RunPlan;
  flags: RunFlags;
  /** What the newest good listing said; null before the first. */
  sighting: RunSighting | null;
  /** The instrument answers. */
  answers: boolean;
  local: LocalCell[];
  outputResolves: boolean;
  /** Cells by how the last pass over them ended that began after their end. */
  passes: Record<string, 'failed' | 'appended' | 'compared'>;
  /** Why the last copy or the processing of a cell failed. */
  problems: Record<string, Problem>;
  /** Since when a cell’s copy or processing fails without a success between; under the empty key the run itself. */
  failsSince: Record<string, number>;
  lastCopied: number | null;
  idleCopies: number;
  /** A person wants it copied without waiting for the pace. */
  copyNow: boolean;
  /** The newest change of anything. */
  lastChange: number;
  /** Since when it is told to be stalled; null while it is not. */
  stalledSince: number | null;
  /** Since when its output directory is missing; null while it is not. */
  outputMissingSince: number | null;
  /** Number of the newest event. */
  revision: number;
  /** Events and notices that are not in the database yet. */
  unsaved: EventEntry[];
  notices: TicketEvent[];
  /** Number of the newest processing, and its cells while it runs. */
  processings: number;
  processing: ProcessingInput | null;
  /** It was decided at its start that it finishes all cells. */
  finishesAll: boolean;
  drift: Drift[];
  /** Of the newest look, and of the newest processing. */
  warnings: string[];
  processingWarnings: string[];
}

/** What the configuration says to a run; comes with each record that is kept, so that changes reach it without a restart. */
export interface RunPlan {
  /** Of Longshore; stands in `start_times`. */
  version: string;
  /** Small files and reads first, raw signal after. */
  phased: boolean;
  /** A complete run's workflow ends after this long. */
  idleSeconds: number;
  /** Without any change for this long it is stalled; null: never. */
  stallSeconds: number | null;
}

/** A cell that lies here. */
export interface LocalCell {
  /** `library/celldir` */
  cell: string;
  /** The end marker's name; null while there is none, or several claim to be it. */
  endMarker: string | null;
}

/** One line of a run's history: the database's key is run and number. */
export interface EventEntry {
  number: number;
  /** ISO instant. */
  at: string;
  /** `longshore`, or the person. */
  actor: string;
  event: RunEvent | NoteEvent;
  reason?: string;
}

/** What is worth keeping and changes no flag. */
export type NoteEvent =
  | { kind: 'first-seen'; location: string }
  /** A cell, on the instrument or here. */
  | { kind: 'cell-seen'; key: string }
  | { kind: 'upstream-changed'; listed: boolean; cells: number; ended: number }
  | { kind: 'copied'; key: string; files: number; bytes: string; seconds: number }
  | { kind: 'copy-failed'; key: string; problem: Problem }
  | { kind: 'stalled'; since: string }
  | { kind: 'processing-warned'; warnings: string[] }
  | { kind: 'output-missing' }
  /** Somebody changed files of `pipeline/`; told once each. */
  | { kind: 'drift'; drift: Drift[] }
  | { kind: 'imported'; remark: string };

export interface RunView {
  experiment: string;
  instrument: string;
  location: string;
  type: ExperimentType | null;
  status: RunStatus;
  /** What it does or waits for, one sentence. */
  words: string;
  /** ISO instant of the first sight. */
  firstSeen: string;
  cells: CellView[];
  copying: { state: 'none' | 'waiting' | 'copying'; cell: string | null; lastCopied: string | null; idleCopies: number };
  processing: { number: number; keys: string[] } | null;
  /** Why a person must act; null: nobody must. */
  attention: string | null;
  /** ISO instant; null: nobody must act, or nobody knows since when (it was so when the run was opened). */
  attentionSince: string | null;
  /** Files of `pipeline/` that are not as the record has it now; the next change of the run puts them right. */
  drift: Drift[];
  warnings: string[];
}

export interface CellView {
  key: string;
  /** `library/celldir`; null when it is only recorded. */
  cell: string | null;
  state: CellState;
  /** What it does or waits for, one sentence. */
  words: string;
  /** Why its copy or its processing failed. */
  problem: Problem | null;
  /** ISO instant from which on it fails; null: it does not, or nobody knows. */
  failsSince: string | null;
}

export const runStatus = defineQuery<RunView>('runStatus');
/** The instrument has other cells of the run than before, or somebody put a hand signal into its directory. */
export const sighted = defineSignal<[RunSighting]>('sighted');
/** The instrument's queue has come to this run. Told again while a turn lasts, to see whether somebody still uses it. */
export const yourTurn = defineSignal('yourTurn');
/** Its turn may go on, or ends with the pass that is at work: the instrument is held, has its quiet hours, or does not answer. */
export const mayCopy = defineSignal<[{ allowed: boolean }]>('mayCopy');
/** The instrument answers again, or does so no more. */
export const instrumentAnswers = defineSignal<[{ answers: boolean }]>('instrumentAnswers');
export const processingEnded = defineSignal<[ProcessingResult]>('processingEnded');

/** Every action of a person is refused with one sentence, or done and recorded with actor and reason; answers how the run stands then. */
export const runAction = defineUpdate<RunView, [By & { request: RunAction }]>('runAction');
/** `key`: the cell's directory. */
export const cellAction = defineUpdate<RunView, [By & { key: string; action: CellAction }]>('cellAction');

/** ---- processing -------------------------------------------------------------------------------------------- */

export interface ProcessingInput {
  experiment: string;
  number: number;
  kind: 'full' | 'checksums';
  /** `library/celldir` of what is processed now. */
  process: string[];
  /** Of what the products are about: these and the done ones. */
  report: string[];
  /** Of every cell of the run, for the totals. */
  cells: string[];
  aborted: number;
}

export interface ProcessingResult {
  number: number;
  cells: { key: string; state: 'done' | 'failed' | 'stopped'; problem?: Problem; text: string }[];
  /** What a person should know of that stopped nothing: folders and files of no known meaning, and the like; at most 20. */
  warnings: string[];
}

/** Cells that a person aborted: their part of the processing stops, the others go on. */
export const skipCells = defineSignal<[{ keys: string[] }]>('skipCells');

/** ---- import ------------------------------------------------------------------------------------------------ */

export interface ImportInput {
  /** Only tell what would be done. */
  dryRun: boolean;
}

/** What the import's heartbeat carries. */
export interface ImportProgress {
  /** Directories read so far, and in all. */
  read: number;
  directories: number;
  text: string;
}

export interface ImportResult {
  dryRun: boolean;
  runs: number;
  /** Runs that the database has already; they are left alone. */
  known: number;
  statuses: Partial<Record<RunStatus, number>>;
  /** Directories that could not be read. */
  problems: { directory: string; problem: Problem }[];
  /** Path of the report: a line a run, with what was changed and what a person has to decide. */
  report: string;
}

/** ---- activities -------------------------------------------------------------------------------------------- */

/** What a heartbeat of a copy carries; also what `describe` shows of a running one. */
export interface CopyProgress {
  cell: string;
  /** Bytes that arrived in this pass, files looked at, and files in all as far as known. */
  bytes: number;
  files: number;
  totalFiles: number | null;
  /** Bytes a second. */
  rate: number;
  secondsLeft: number | null;
  text: string;
}

export interface CopyResult {
  /** The end marker that lies here now. */
  endMarker: string | null;
  /** Files and bytes (decimal) that were sent; none: nothing was new. */
  files: number;
  bytes: string;
  seconds: number;
}

/** What is known of a run when its workflow begins; without a record and a sighting there is no such run. */
export interface OpenedRun {
  /** From the database, else from the files of `pipeline/` (an import), else null: it is new. */
  record: { flags: RunFlags; revision: number; processings: number; firstSeen: number; instrument: string; location: string; /** Unix seconds of the newest event, or (an import) of the newest modification. */ lastChange: number } | null;
  /** What the newest good listing said, where the input gave none. */
  sighting: RunSighting | null;
  /** What the import changed, one sentence each. */
  remarks: string[];
  plan: RunPlan;
  look: RunLook;
}

/** The run's directory as it is. */
export interface RunLook {
  cells: LocalCell[];
  /** What the files of `pipeline/` say; null when there is no such directory. */
  found: RunFlags | null;
  outputResolves: boolean;
  /** At most 20. */
  warnings: string[];
  /** Files of `pipeline/` that somebody changed, and that are no signals; at most 20. */
  drift: Drift[];
}

export interface SetUp {
  /** What `pipeline/upstream` says. */
  upstream: string;
  /** Absolute paths. */
  output: string;
  runPath: string;
  type: ExperimentType;
}

/** All that is kept of a run: the database's record, its new history, the tickets' outbox, and from it the files of `pipeline/`. */
export interface RunSave {
  experiment: string;
  instrument: string;
  location: string;
  firstSeen: number;
  /** Saved only over an equal or smaller one. */
  revision: number;
  processings: number;
  flags: RunFlags;
  status: RunStatus;
  cells: Cell[];
  /** Why a person must act. */
  attention: string | null;
  events: EventEntry[];
  notices: TicketEvent[];
}

/** What a processing is made of; per cell so many parts, each a batch of files; at most 200 parts and cells together, so that its history stays small. */
export interface ProcessingPlan {
  cells: { key: string; cell: string; parts: number }[];
  /** Cells that cannot be processed: they fail alone. */
  problems: { key: string; problem: Problem }[];
  /** At most 20. */
  warnings: string[];
}

/** Steps whose heartbeats others read: names of activity types, as a pending activity bears them. */
export const steps = { copy: 'copyCell', part: 'processPart', import: 'importRuns' } as const satisfies Record<string, keyof SequencingFileActivities>;

/** On `sequencing.files`, `.copies` (`copyCell`) and `.processing` (`planProcessing`, `processPart`, `finishCell`). */
export interface SequencingFileActivities {
  /**
   * Lists the instrument; pins names at first sight; keeps the rows in the database, each change with a new sequence number. Looks for hand
   * signals in `pipeline/` of its runs (of those at rest when it has changed): such a run counts as changed. For `LOCAL`: the runs of `runsDirectory` that no
   * instrument has; other cells or end markers count as changes. Throws what `listInstrument` throws; nothing is kept then.
   */
  listInstrument(input: { instrument: string }): Promise<ListingRef>;
  /** Writes the file by which the lab sees that copying works. */
  writeHeartbeat(input: { instrument: string; at: string }): Promise<void>;
  /** Record (database, else files with `importRun`), configuration and directory of a run. */
  openRun(input: { experiment: string; sighting?: RunSighting }): Promise<OpenedRun>;
  /** The run's directory, and what the newest good listing said: of a run that is left alone the instrument's entity tells nothing. */
  lookAtRun(input: { experiment: string }): Promise<Pick<OpenedRun, 'sighting' | 'look'>>;
  /**
   * Makes directories (with the batch), links both ways, `pipeline/`. Safe to run again for the same run. Throws `ContractError` when the output
   * directory belongs to somebody else; then nothing is written there.
   */
  setUpRun(input: { experiment: string; location: string }): Promise<SetUp>;
  /** One pass over one cell by the instrument's strategy; heartbeats `CopyProgress`. Throws what `rsync` throws; `StorageFull` before it begins when too little space is left. */
  copyCell(input: { experiment: string; instrument: string; location: string; task: CopyTask; pass: Pass }): Promise<CopyResult>;
  /**
   * Saves, then projects. Idempotent by revision, event numbers and notices' keys. What neither the record before nor the new one says (an
   * `aborted` or a type written by hand) is left in the files for `lookAtRun`; what only the record before said is removed. Answers also what the
   * configuration says now.
   */
  saveRun(input: RunSave): Promise<{ drift: Drift[]; plan: RunPlan }>;
  /** Inventory (`sc_data.yaml`, one file an attempt), counts, final summaries. The plan itself is kept beside the products. */
  planProcessing(input: ProcessingInput): Promise<ProcessingPlan>;
  /** One batch: merges FASTQ of some barcodes, or sums files; heartbeats `PartProgress`. Safe to run twice. `part` counts from 0. */
  processPart(input: { experiment: string; number: number; kind: ProcessingInput['kind']; cell: string; part: number }): Promise<{ text: string }>;
  /** Checks and joins what the parts left: the cell's counts, or its list of checksums. */
  finishCell(input: { experiment: string; number: number; kind: ProcessingInput['kind']; cell: string; parts: number }): Promise<{ text: string }>;
  /** Takes over the runs that lie in `runsDirectory`; heartbeats `ImportProgress`. Those not at rest count as changed, so that instruments tell of them. */
  importRuns(input: ImportInput): Promise<ImportResult>;
}

export interface PartProgress {
  files: number;
  bytes: number;
  text: string;
}

/** On `sequencing.services`. */
export interface SequencingServiceActivities {
  /** Runs of the instrument that changed after a sequence number, oldest change first; `upTo` is where to go on, `more` whether. */
  changedRuns(input: { instrument: string; after: number; limit: number }): Promise<{ runs: RunSighting[]; upTo: number; more: boolean }>;
  /** Keeps what happened to an instrument: troubles that begin (told to people by the outbox, each once) and end, holds and releases. */
  saveInstrumentEvent(input: { instrument: string; at: string; actor: string; kind: 'trouble' | 'trouble-over' | 'hold' | 'release'; details: string; tell: boolean }): Promise<void>;
  /** Sends what waits, oldest first; one that cannot be sent does not stop the others. Each message once, by its key. */
  drainOutbox(): Promise<{ sent: number; waiting: number; problem: Problem | null }>;
}

export type SequencingActivities = SequencingFileActivities & SequencingServiceActivities;
