/** Polls of an instrument, and what is decided by them, as a process of its own: `poll.mjs <order as JSON>`. */
import { readFileSync } from 'node:fs';

const order = JSON.parse(process.argv[2]);
const { database: databases, config: configs, poll, sightings, facts, instrument, queue } = Object.fromEntries(await Promise.all(Object.entries(order.modules).map(async ([name, url]) => [name, await import(url)])));

const config = configs.configSchema.parse(order.settings);
const database = await databases.openDatabase({ client: 'sqlite', file: order.file }, { pipeline: 'sequencing', stateDirectory: '/nowhere', readSecret: async () => '' });
let statements = 0;
database.knex.on('query', () => statements++);

/** As many as a workflow is told at once. */
const page = 20;
let state = instrument.newInstrument;

/** One poll: what the schedule's activity does, then what the workflows of the instrument and of its runs decide. */
async function look() {
  const now = Math.floor(Date.now() / 1000);
  const listing = await poll.pollInstrument({ config, database }, order.label);
  state = instrument.afterPoll(state, { at: new Date().toISOString(), listing });
  const told = { runs: 0, cells: 0, tasks: 0 };
  for (let more = state.told < listing.sequence; more; ) {
    const changed = await sightings.changedSightings(database, { instrument: order.label, after: state.told, limit: page });
    for (const sighting of changed.runs) {
      const opened = { record: null, sighting: null, remarks: [], plan: { version: 'bench', phased: false, idleSeconds: 1, stallSeconds: 1 }, look: { cells: [], found: null, outputResolves: false, warnings: [] } };
      const run = facts.openedState({ sighting }, opened, now);
      const { cells } = facts.factsOf(run);
      told.runs++;
      told.cells += cells.length;
      const tasks = queue.copyTasks(cells);
      told.tasks += tasks.length;
      state = { ...state, queue: [...state.queue, { experiment: sighting.experiment, firstSeen: sighting.firstSeen, lastCopied: null, idleCopies: 0, urgent: facts.isUrgent(run, tasks) }] };
    }
    state = { ...state, told: changed.upTo };
    more = changed.more;
  }
  const turn = instrument.nextTurn(state, now);
  return { found: listing.cells, told, turn: turn !== null };
}

/** Processor time of this process and of its children that have ended, in seconds; children to a hundredth. */
function used() {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync('/proc/self/stat', 'utf8').replace(/^.*\) /su, '').split(' ');
  return (user + system) / 1e6 + (Number(fields[13]) + Number(fields[14])) / 100;
}

/** Polls so often; figures of one of them. */
async function measured(times) {
  const before = { cpu: used(), time: performance.now(), statements };
  let answer;
  for (let poll = 0; poll < times; poll++) answer = await look();
  return { answer, cpuSeconds: (used() - before.cpu) / times, seconds: (performance.now() - before.time) / 1000 / times, statements: (statements - before.statements) / times };
}

// A worker that has known the runs for long was told of them already.
if (order.known) state = { ...state, told: Number.MAX_SAFE_INTEGER };
const first = await measured(1);
const later = await measured(order.later);
await database.close();
console.log(JSON.stringify({ first, later, peakBytes: process.resourceUsage().maxRSS * 1024 }));
