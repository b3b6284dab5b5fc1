/** `longshore doctor`: looks at everything that Longshore needs, and says what to do about what is wrong. Changes nothing. */
import { existsSync } from 'node:fs';
import { access, constants, statfs } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type * as hostFacts from '../../activities/sequencing/host-facts.ts';
import type { Config } from '../../config/schema.ts';
import { counted } from '../../domain/counted.ts';
import { OperationError } from '../../domain/errors.ts';
import { formatBytes } from '../../domain/units.ts';
import type { Longshore } from '../index.ts';
import { configOf, connectTo, globalOptions, localStack, temporalTarget, type TemporalTarget } from './context.ts';
import { type Pipeline, withDatabase } from './database.ts';
import { endWith } from './exit-codes.ts';
import { problemOf } from './failures.ts';
import { paint, print, printJson, safeText, type Style } from './output.ts';

type State = 'good' | 'warning' | 'bad' | 'skipped';

interface Finding {
  state: State;
  /** What was found, one sentence or a phrase. */
  text: string;
  /** What to do about it, where it is something else than the check's remedy. */
  remedy?: string;
}

interface Check {
  name: string;
  /** Throws what it cannot explain itself. */
  run: (signal: AbortSignal) => Promise<Finding>;
  /** Said with what is bad. */
  remedy: string;
}

const good = (text: string): Finding => ({ state: 'good', text });
const warning = (text: string, remedy: string): Finding => ({ state: 'warning', text, remedy });
const bad = (text: string, remedy?: string): Finding => ({ state: 'bad', text, ...(remedy === undefined ? {} : { remedy }) });
const skipped = (text: string): Finding => ({ state: 'skipped', text });

/** No check takes longer: a dead service must not hide what the others say. */
const limitSeconds = 5;
/** A little less, so that the checks that need Temporal can say that it is the one that does not answer. */
const connectSeconds = 4;
const clockToleranceSeconds = 5;
const littleSpace = 5n * 2n ** 30n;
const neededNode = 24;

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check everything that Longshore needs, and say what to do')
    .action(async (_options, command: Command) => {
      const { json } = globalOptions(command);
      const checks = await checksFor(command);
      // All at once, told in their order.
      const running = checks.map(async (check) => ({ name: check.name, ...(await findingOf(check)) }));
      const findings = [];
      for (const finding of running) {
        const found = await finding;
        findings.push(found);
        if (!json) print(lineOf(found));
      }
      const healthy = findings.every(({ state }) => state !== 'bad');
      if (json) printJson({ healthy, checks: findings });
      if (!healthy) endWith('failed');
    });
}

async function findingOf({ run, remedy }: Check): Promise<Finding> {
  const signal = AbortSignal.timeout(limitSeconds * 1000);
  const late = new Promise<Finding>((resolve) => signal.addEventListener('abort', () => resolve(bad(`There was no answer within ${limitSeconds} seconds.`)), { once: true }));
  const answer = run(signal).catch((error: unknown) => (signal.aborted ? late : bad(problemOf(error).message)));
  const found = await Promise.race([answer, late]);
  return found.state === 'bad' ? { ...found, remedy: found.remedy ?? remedy } : found;
}

const marks: Record<State, { mark: string; style: Style }> = {
  good: { mark: '✓', style: 'good' },
  warning: { mark: '!', style: 'warning' },
  bad: { mark: '✗', style: 'bad' },
  skipped: { mark: '-', style: 'quiet' },
};

function lineOf({ name, state, text, remedy }: Finding & { name: string }): string {
  const { mark, style } = marks[state];
  return `${paint(style, mark)} ${paint('strong', name)}: ${safeText(text)}${remedy === undefined ? '' : ` ${paint('quiet', '→')} ${safeText(remedy)}`}`;
}

async function checksFor(command: Command): Promise<Check[]> {
  const stack = await localStack().catch(() => null);
  const loading = configOf(command, stack);
  const target = temporalTarget(stack);
  const connection = target.then((place) => Promise.race([connectTo(place), silence(place.address)]));
  // Each is awaited by checks that say what is wrong; none of them may be the first to hear of it.
  for (const promise of [loading, target, connection]) promise.catch(() => undefined);

  const withConfig = (name: string, remedy: string, run: (config: Config, signal: AbortSignal) => Promise<Finding>): Check => ({
    name,
    remedy,
    run: async (signal) => {
      const loaded = await loading.catch(() => null);
      return loaded === null ? skipped('not checked, because the configuration is not valid') : run(loaded.config, signal);
    },
  });
  const withTemporal = (name: string, remedy: string, run: (longshore: Longshore, target: TemporalTarget, config: Config | null) => Promise<Finding>): Check => ({
    name,
    remedy,
    run: async () => {
      const longshore = await connection.catch(() => null);
      return longshore === null ? skipped('not checked, because Temporal does not answer') : run(longshore, await target, (await loading.catch(() => null))?.config ?? null);
    },
  });

  return [
    { name: 'node', remedy: `install Node ${neededNode} or newer`, run: node },
    { name: 'configuration', remedy: 'correct the file; longshore config check says when it is right', run: async () => configuration(await loading) },
    withConfig('secrets', 'set the variable or write the file for this account', secrets),
    withConfig('state directory', 'give this account a directory it may write to: stateDirectory', stateDirectory),
    { name: 'temporal', remedy: 'start the server, or set TEMPORAL_ADDRESS', run: async () => server(await connection, await target) },
    withTemporal('search attributes', 'run longshore setup', searchAttributes),
    withTemporal('workers', 'start longshore worker on a host that has what they need', workers),
    withConfig('storage database', 'start the server, or correct databases.storage', database),
    withConfig('clock', 'set the clock by NTP', (config) => clock(config, connection, target)),
    withConfig('directory service', 'start the service, or correct directory', directoryService),
    withConfig('scans', 'mount the directory, or correct storage.scanDirectory', scans),
    withConfig('inflater', 'correct storage.engine', inflater),
    withConfig('quotas', 'correct storage.quotas', quotas),
    withConfig('object store', 'start the store, or correct storage.split.upload', objectStore),
    withConfig('sequencing database', 'start the server, or correct databases.sequencing', sequencingDatabase),
    withConfig('sequencing programs', 'install rsync and openssh-client', sequencingPrograms),
    withConfig('sequencing directories', 'mount the disk, or correct sequencing.runsDirectory and outputDirectory', sequencingDirectories),
    withConfig('instrument keys', 'see “Keys” in docs/sequencing.md', instrumentKeys),
    withConfig('messages', 'start the server, or correct databases.sequencing', messages),
    withConfig('instruments', 'see “Keys” in docs/sequencing.md', instruments),
  ];
}

async function silence(address: string): Promise<never> {
  await delay(connectSeconds * 1000, undefined, { ref: false });
  throw new OperationError('DependencyDown', `Temporal does not answer at ${address}.`);
}

async function node(): Promise<Finding> {
  const { node: version } = process.versions;
  return Number.parseInt(version, 10) >= neededNode ? good(version) : bad(`${version} is too old.`, `install Node ${neededNode} or newer, or name one in LONGSHORE_NODE`);
}

async function configuration({ file }: { file: string | null }): Promise<Finding> {
  return file === null ? warning('There is no file; every value is its default.', 'write one: longshore config example > longshore.yaml') : good(file);
}

async function secrets(config: Config): Promise<Finding> {
  const { readSecret, secretsOf } = await import('../../config/secrets.ts');
  const named = secretsOf(config);
  const read = await Promise.allSettled(named.map(({ secret }) => readSecret(secret)));
  const faults = read.flatMap((outcome, index) => (outcome.status === 'rejected' ? [`${named[index]!.key}: ${problemOf(outcome.reason).message}`] : []));
  if (faults.length > 0) return bad(faults.join(' '));
  return good(named.length === 0 ? 'none are needed' : `all ${named.length} can be read`);
}

async function stateDirectory({ stateDirectory: directory }: Config): Promise<Finding> {
  let existing = directory;
  while (!existsSync(existing)) existing = path.dirname(existing);
  await access(existing, constants.W_OK).catch((cause: unknown) => {
    throw new OperationError('PermissionDenied', `This account may not write to ${existing}.`, { cause });
  });
  const { bavail, bsize } = await statfs(existing, { bigint: true });
  const free = bavail * bsize;
  const found = `${directory}${existing === directory ? '' : ', to be made'}: ${formatBytes(free)} free`;
  return free < littleSpace ? warning(found, `make room: below ${formatBytes(littleSpace)} work files may not fit`) : good(found);
}

async function server({ temporal }: Longshore, { address, namespace }: TemporalTarget): Promise<Finding> {
  const { serverVersion } = await temporal.workflowService.getSystemInfo({});
  try {
    await temporal.workflowService.describeNamespace({ namespace });
  } catch (error) {
    if (problemOf(error).type !== 'NotFound') throw error;
    return bad(`${address} has no namespace ${namespace}.`, 'run longshore setup, or set TEMPORAL_NAMESPACE');
  }
  return good(`${address}, namespace ${namespace}, server ${serverVersion}`);
}

async function searchAttributes({ temporal }: Longshore, { namespace }: TemporalTarget): Promise<Finding> {
  const { attributes } = await import('../../workflows/platform/attributes.ts');
  const { customAttributes } = await temporal.connection.operatorService.listSearchAttributes({ namespace });
  const names = Object.values(attributes).map(({ name }) => name);
  const missing = names.filter((name) => !Object.hasOwn(customAttributes, name));
  return missing.length === 0 ? good(`all ${names.length} are registered`) : bad(`${missing.join(', ')} not registered.`);
}

interface Pollers {
  queue: string;
  count: number;
  /** When a worker was last heard of, by the server's clock, in milliseconds; null without workers. */
  lastHeard: number | null;
}

/** Numbers of the wire format (TaskQueueType): the SDK has no names for them. */
const wireTypes = { workflow: 1, activity: 2 } as const;

/** Queues of the pipelines that are configured; without any, those of storage, which a fresh installation begins with. */
async function neededQueues(config: Config | null): Promise<[capability: string, queue: string][]> {
  const [storage, sequencing] = await Promise.all([import('../../workflows/storage/contract.ts'), import('../../workflows/sequencing/contract.ts')]);
  const mirroring = config !== null && mirrors(config);
  return [...(mirroring && config.storage.volumes.length === 0 ? [] : Object.entries(storage.taskQueues)), ...(mirroring ? Object.entries(sequencing.taskQueues) : [])];
}

async function pollers({ temporal }: Longshore, namespace: string, config: Config | null): Promise<Pollers[]> {
  return Promise.all(
    (await neededQueues(config)).map(async ([capability, queue]) => {
      const taskQueueType = capability === 'workflows' ? wireTypes.workflow : wireTypes.activity;
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enumeration is in no package that we depend on
      const { pollers: found } = await temporal.workflowService.describeTaskQueue({ namespace, taskQueue: { name: queue }, taskQueueType });
      const heard = found.map(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000 + (lastAccessTime?.nanos ?? 0) / 1e6);
      return { queue, count: new Set(found.map(({ identity }) => identity)).size, lastHeard: heard.length === 0 ? null : Math.max(...heard) };
    }),
  );
}

async function workers(longshore: Longshore, { namespace }: TemporalTarget, config: Config | null): Promise<Finding> {
  const queues = await pollers(longshore, namespace, config);
  const idle = queues.filter(({ count }) => count === 0).map(({ queue }) => queue);
  if (idle.length > 0) return bad(`Nobody serves ${idle.join(', ')}.`);
  return good(queues.map(({ queue, count }) => `${queue} ${count}`).join(', '));
}

const database = (config: Config): Promise<Finding> => databaseOf(config, 'storage');

const mirrors = ({ sequencing }: Config): boolean => sequencing.instruments.length > 0;
const noInstruments = skipped('no instruments are configured');

async function sequencingDatabase(config: Config): Promise<Finding> {
  return mirrors(config) ? databaseOf(config, 'sequencing') : noInstruments;
}

/** What a host that copies and processes must have. */
async function hostFact(config: Config, look: (facts: typeof hostFacts) => Promise<{ message: string }[]>, fine: string): Promise<Finding> {
  if (!mirrors(config)) return noInstruments;
  if (!config.workers.capabilities.includes('files')) return notHere('copy runs');
  const faults = await look(await import('../../activities/sequencing/host-facts.ts'));
  return faults.length === 0 ? good(fine) : bad(faults.map(({ message }) => message).join(' '));
}

const sequencingPrograms = (config: Config, signal: AbortSignal): Promise<Finding> =>
  hostFact(config, ({ toolFaults }) => toolFaults(config, { signal }), 'all are there');

const sequencingDirectories = (config: Config): Promise<Finding> =>
  hostFact(config, ({ rootFaults }) => rootFaults(config), 'both are there and may be written');

const instrumentKeys = (config: Config, signal: AbortSignal): Promise<Finding> =>
  hostFact(config, ({ keyFaults }) => keyFaults(config, { signal }), 'each instrument’s host key is known, and the keys are private');

async function messages(config: Config): Promise<Finding> {
  if (!mirrors(config)) return noInstruments;
  if ((await sequencingDatabase(config)).state !== 'good') return skipped('not checked, because the sequencing database is not as it should be');
  const { waiting, failing } = await withDatabase(config, 'sequencing', async (opened) => {
    const { outboxState } = await import('../../activities/sequencing/outbox.ts');
    return outboxState(opened);
  });
  const [first] = failing;
  if (first === undefined) return good(waiting === 0 ? 'all tickets and mails are sent' : `${waiting} wait to be sent`);
  const text = `${waiting} tickets or mails wait; ${first.key} was tried ${first.attempts} times: ${first.problem.message}`;
  const { needsPerson } = await import('../../activities/sequencing/outbox.ts');
  return (failing.some(needsPerson) ? bad : warning)(text, 'see whether the receiver answers, or correct sequencing.tickets');
}

async function databaseOf(config: Config, pipeline: Pipeline): Promise<Finding> {
  const settings = config.databases[pipeline];
  if (settings.client === 'sqlite') {
    // Opening would make it, perhaps for the wrong account.
    const file = settings.file ?? path.join(config.stateDirectory, `${pipeline}.sqlite`);
    if (!existsSync(file)) return bad(`${file} does not exist yet.`, 'run longshore db migrate as the account of the workers');
  }
  return withDatabase(config, pipeline, async (opened) => {
    const [{ migrationStatus }, { migrations }] = await Promise.all([import('../../activities/platform/database/index.ts'), import('../../infra/migrations/index.ts')]);
    const { pending, unknown } = await migrationStatus(opened, migrations[pipeline]);
    if (unknown.length > 0) return bad(`${opened.where} is of a newer release (${unknown.join(', ')}).`, 'install that release');
    if (pending.length > 0) return bad(`${opened.where} lacks ${pending.join(', ')}.`, 'run longshore db migrate');
    return good(`${opened.where}, ${opened.dialect}, up to date`);
  });
}

/** Compares with the database server's clock; with an embedded one, with the time at which Temporal last heard of a worker, which cannot be to come. */
async function clock(config: Config, connection: Promise<Longshore>, target: Promise<TemporalTarget>): Promise<Finding> {
  if (config.databases.storage.client === 'mysql') {
    const ahead = await withDatabase(config, 'storage', async ({ knex }) => {
      const before = Date.now();
      const { now } = await knex.first<{ now: string }>(knex.raw('unix_timestamp(current_timestamp(3)) as now'));
      return ((before + Date.now()) / 2 - Number(now) * 1000) / 1000;
    });
    return offBy(ahead, 'the database server’s');
  }
  const heard = await Promise.all([connection, target])
    .then(([longshore, { namespace }]) => pollers(longshore, namespace, config))
    .catch(() => []);
  const last = Math.max(...heard.map(({ lastHeard }) => lastHeard ?? 0));
  if (last <= 0) return skipped('not checked, because no other clock can be asked');
  return offBy(Math.min(0, (Date.now() - last) / 1000), 'Temporal’s');
}

function offBy(aheadSeconds: number, whose: string): Finding {
  const seconds = Math.abs(aheadSeconds).toFixed(1);
  if (Math.abs(aheadSeconds) <= clockToleranceSeconds) return good(`agrees with ${whose}`);
  return bad(`It is ${seconds} s ${aheadSeconds > 0 ? 'ahead of' : 'behind'} ${whose}.`);
}

async function directoryService(config: Config, signal: AbortSignal): Promise<Finding> {
  if (config.directory.source === 'none') return skipped('not used; groups appear by number');
  const [{ readDirectory }, { readSecret }] = await Promise.all([import('../../activities/platform/directory-service/index.ts'), import('../../config/secrets.ts')]);
  let seen = 0;
  try {
    const { source, groups, note } = await readDirectory(config.directory, {
      at: new Date().toISOString(),
      readSecret,
      signal,
      onProgress: ({ groups: count }) => {
        seen = count;
      },
    });
    if (groups.length === 0) return bad(`${source} answers, and has no groups.`, 'correct base and filter of directory.ldap.groups');
    return note === null ? good(`${source}, ${groups.length} groups`) : warning(`${source}, ${groups.length} groups. ${note}`, 'have the entries corrected');
  } catch (error) {
    // A large directory takes longer than a check may; it answers.
    if (signal.aborted && seen > 0) return good(`answers; ${seen} groups in the first ${limitSeconds} seconds`);
    throw error;
  }
}

const notHere = (what: string): Finding => skipped(`not checked, because this host does not ${what} (workers.capabilities)`);

async function scans(config: Config): Promise<Finding> {
  if (!config.workers.capabilities.includes('scan')) return notHere('read scans');
  const { volumes, maxDaysAgo } = config.storage;
  if (volumes.length === 0 && mirrors(config)) return skipped('no volumes are configured');
  if (volumes.length === 0) return warning('No volumes are configured.', 'name them in storage.volumes');
  const { findScan, plainDateAt } = await import('../../activities/storage/find-scan.ts');
  const { timeZone } = config.site;
  const date = plainDateAt(new Date(), timeZone);
  const found = await Promise.all(volumes.map(async ({ name }) => ({ name, scan: await findScan({ config: config.storage, timeZone }, { volume: name, date }) })));
  const text = found.map(({ name, scan }) => `${name} ${scan?.recordDate ?? 'none'}`).join(', ');
  return found.every(({ scan }) => scan !== null) ? good(text) : warning(`${text}.`, `see why the scanner left no file in ${maxDaysAgo} days, or correct storage.volumes`);
}

async function quotas(config: Config, signal: AbortSignal): Promise<Finding> {
  if (!config.workers.capabilities.includes('scan')) return notHere('ask for quotas');
  const { sources, lfs } = config.storage.quotas;
  if (sources.length === 0) return skipped('not used; quotas are unknown');
  const [{ run }, { fetchQuotas }, { plainDateAt }] = await Promise.all([
    import('../../activities/platform/processes/run.ts'),
    import('../../activities/storage/fetch-quotas.ts'),
    import('../../activities/storage/find-scan.ts'),
  ]);
  if (sources.includes('lfs')) {
    const { code, stderr } = await run(lfs.command, ['--version'], { signal });
    if (code !== 0) return bad(`${lfs.command} --version ended with ${code}: ${stderr.trim()}`, 'install the Lustre client, or correct storage.quotas.lfs.command');
  }
  if (sources.includes('csv')) {
    const onlyFiles = { ...config.storage, quotas: { ...config.storage.quotas, sources: ['csv' as const] } };
    const date = plainDateAt(new Date(), config.site.timeZone);
    for (const { name, mount = `/lustre/${name}` } of config.storage.volumes) {
      const { note } = await fetchQuotas(onlyFiles, { volume: name, mount, date, groups: [] }, { signal });
      if (note !== null) return warning(note, 'correct the file, or storage.quotas.csv.path');
    }
  }
  return good(`${sources.join(', then ')} can be asked`);
}

async function inflater({ storage: { engine } }: Config): Promise<Finding> {
  if (engine === 'zlib') return good('Node’s zlib, as configured');
  const { loadLibisal } = await import('../../activities/storage/read-scan/inflate/libisal.ts');
  const libisal = await loadLibisal();
  if (typeof libisal !== 'string') return good('libisal, which passed its self-test');
  const remedy = 'install libisal2 (Debian: isal): scans are read faster; or say storage.engine: zlib';
  return engine === 'auto' ? warning(`Node’s zlib; libisal cannot be used: ${libisal}.`, remedy) : bad(`libisal cannot be used: ${libisal}.`, remedy);
}

async function objectStore(config: Config, signal: AbortSignal): Promise<Finding> {
  if (config.storage.split.upload === undefined) return skipped('none is configured');
  const [{ splitStore }, { readSecret }] = await Promise.all([import('../../activities/storage/split/store.ts'), import('../../config/secrets.ts')]);
  const store = await splitStore(config.storage, readSecret);
  if (store === null) return skipped('none is configured');
  try {
    await store.head('manifest.json', { signal });
    return good(store.url);
  } finally {
    store.close();
  }
}

/** Each is listed, as a poll would. One that is switched off must not hide what another says. */
async function instruments(config: Config, signal: AbortSignal): Promise<Finding> {
  if (!mirrors(config)) return noInstruments;
  if (!config.workers.capabilities.includes('files')) return notHere('list instruments');
  const [{ listInstrument }, { sourceOf }] = await Promise.all([import('../../activities/sequencing/list-instrument.ts'), import('../../activities/sequencing/settings.ts')]);
  const answers = await Promise.all(
    config.sequencing.instruments.map(async (instrument) => {
      try {
        const { cells } = await listInstrument(sourceOf(config, instrument), { signal });
        return { fault: false, text: `${instrument.label} ${counted(cells.length, 'cell')}` };
      } catch (error) {
        return { fault: true, text: `${instrument.label}: ${signal.aborted ? `no answer within ${limitSeconds} seconds.` : problemOf(error).message}` };
      }
    }),
  );
  const faults = answers.filter(({ fault }) => fault);
  if (faults.length > 0) return bad(faults.map(({ text }) => text).join(' '));
  return good(answers.map(({ text }) => text).join(', '));
}
