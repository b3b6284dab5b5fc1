/** `npm run demo`: the storage report, end to end, on input that it makes. `npm run demo -- sequencing`: see `sequencing.ts`. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { plainDateAt } from '../../activities/storage/find-scan.ts';
import { ageRows } from '../../activities/storage/age-store.ts';
import { directoryRows } from '../../activities/storage/directory-store.ts';
import { savedComparisons } from '../../activities/storage/growth-store.ts';
import { userRows } from '../../activities/storage/user-store.ts';
import { vaultSummary } from '../../activities/storage/vault-store.ts';
import { ageBands } from '../../domain/storage/age-bands.ts';
import type { AgeRow } from '../../domain/storage/age-row.ts';
import { compareGrowthRows } from '../../domain/storage/growth.ts';
import { productNames } from '../../domain/storage/product-names.ts';
import { formatBytes } from '../../domain/units.ts';
import { reportRows } from '../../activities/storage/usage-store.ts';
import { follow } from '../../client/cli/storage/follow.ts';
import { askDatabase } from '../../client/cli/database.ts';
import { ageTable } from '../../client/cli/storage/ages.ts';
import { directoryTable } from '../../client/cli/storage/directories.ts';
import { growthTable } from '../../client/cli/storage/growth.ts';
import { byUrgency, problemLines, usageTable, userTable } from '../../client/cli/storage/render.ts';
import { vaultGroupTable } from '../../client/cli/storage/vault.ts';
import { paint } from '../../client/cli/output.ts';
import { WorkflowNotFoundError } from '@temporalio/client';
import { connect, type Longshore } from '../../client/index.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { OperationError } from '../../domain/errors.ts';
import { localDirectory, projectRoot } from '../local/layout.ts';
import { Interrupted, withLocalStack } from '../local/session.ts';
import { step } from '../local/steps.ts';
import { demoInput, type DemoInput } from './input.ts';

const say = (line = ''): void => console.log(line);
const shown = (file: string): string => path.relative(projectRoot, file);
/** Rows of the table that the demo shows. */
const mostUrgent = 8;
/** Bands from three years on. */
const oldBand = ageBands.findIndex((each) => each.label === '≥3y');

async function demo(): Promise<void> {
  const started = performance.now();
  const today = plainDateAt(new Date(), 'UTC');
  const input = await step(
    say,
    'input (kept in .longshore/demo)',
    () => demoInput(path.join(projectRoot, '.longshore', 'demo'), today, say),
    ({ made, lines, volumes }) => `${lines.toLocaleString('en-GB')} lines of ${volumes.length} volumes, ${made ? 'made' : 'there already'}`,
  );
  const configFile = await writeConfig(input);
  const { config } = await loadConfig({ file: configFile });

  const { failed, tsv } = await withLocalStack({ config, configFile, say, schedules: false, preferPorts: true }, async ({ address, signal }) => {
    const longshore = await connect({ address });
    const { storage } = longshore;
    try {
      // The scans of a week ago first: a forecast needs a past. They are loaded once, and skipped the next time.
      for (const date of [input.earlier, today]) await endOpenReport(longshore, date);
      say(`\nReport of ${input.earlier}, for the history`);
      await follow(await storage.startReport({ date: input.earlier }), { signal });
      say(`\nReport of today, ${today}`);
      const report = await storage.startReport({ date: today, force: true });
      const snapshot = await follow(report, { signal });
      await storage.compareScans({ date: today });
      return show(config, today, snapshot);
    } finally {
      await longshore.close();
    }
  });

  say('');
  say(paint('strong', 'Where things are'));
  say(`  TSV        ${tsv === undefined ? 'not written' : shown(tsv)}`);
  say(`  database   ${shown(path.join(config.stateDirectory, 'storage.sqlite'))}   (./longshore storage groups --sort used)`);
  say(`  settings   ${shown(configFile)}`);
  say(paint('strong', 'What next'));
  if (failed) say('  The damaged volume waits for a person, and goes on waiting when the server is started again:');
  say('  npm start                               server, workers and web pages, until Ctrl-C; then in another terminal:');
  if (failed) say(`  ./longshore storage retry scratch123    after replacing its scan, or: ./longshore storage accept --reason "…"`);
  say('  ./longshore storage scan FILE           one stat file of your own, no server needed');
  say('  ./longshore config example              a configuration for your own site; then ./longshore doctor');
  say(paint('quiet', `\nDone in ${((performance.now() - started) / 1000).toFixed(1)} s; nothing is left running.`));
}

async function writeConfig(input: DemoInput): Promise<string> {
  const file = path.join(localDirectory, 'longshore.yaml');
  await mkdir(localDirectory, { recursive: true });
  const config = {
    site: { name: 'Demo', timeZone: 'UTC' },
    stateDirectory: path.join(localDirectory, 'state'),
    directory: {
      source: 'dumps',
      dumps: { group: path.join(input.directory, 'group'), passwd: path.join(input.directory, 'passwd'), pis: path.join(input.directory, 'pis.csv') },
    },
    // The damaged volume is told by the report; its stack in between would only frighten.
    workers: { logs: { level: 'error' } },
    storage: {
      scanDirectory: path.join(input.directory, 'scans'),
      volumes: input.volumes.map((name) => ({ name })),
      products: [...productNames],
      split: { level: 1 },
      quotas: { sources: ['csv'], csv: { path: path.join(input.directory, 'quotas.csv') } },
    },
  };
  await writeFile(file, `# Written by npm run demo, and used by npm start while there is no longshore.yaml of yours.\n${stringify(config)}`);
  return file;
}

/**
 * The last demo of today left its report waiting for a person, or was stopped in the middle; an older version's may not
 * even be able to answer.
 */
async function endOpenReport({ storage, temporal }: Longshore, date: string): Promise<void> {
  const report = storage.report(date);
  const workflow = temporal.workflow.getHandle(report.workflowId);
  const described = await workflow.describe().catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  });
  if (described?.status.name !== 'RUNNING') return;
  try {
    await report.acceptFailures('The demo was run again.');
    await report.result();
  } catch {
    await workflow.terminate('The demo was run again.');
  }
}

async function show(config: Config, date: string, snapshot: Awaited<ReturnType<typeof follow>>): Promise<{ failed: boolean; tsv: string | undefined }> {
  const rows = (await askDatabase(config, 'storage', (database) => reportRows(database, date))).toSorted(byUrgency);
  const bad = rows.filter((row) => row.level === 3).length;
  const warned = rows.filter((row) => row.level === 2).length;
  say('');
  say(`${rows.length} groups and base directories: ${paint('bad', `${bad} Not OK`)}, ${paint('warning', `${warned} Kinda OK`)}. The most urgent:`);
  say(usageTable(rows.slice(0, mostUrgent), config.storage.forecast.days[1]));
  await showProducts(config, date);
  if (snapshot.split !== undefined) say(`\nOne file a group for tree servers: ${snapshot.split.groups} groups, ${formatBytes(BigInt(snapshot.split.bytes))} in ${shown(snapshot.split.directory)}`);
  const problems = problemLines(snapshot.volumes, date, './longshore');
  if (problems.length > 0) say(`\n${paint('strong', 'Needs a person')}\n${problems.join('\n')}`);
  return { failed: problems.length > 0, tsv: snapshot.tsv };
}

/** What else one pass tells: the first lines of each verb. */
async function showProducts(config: Config, date: string): Promise<void> {
  const few = 4;
  await askDatabase(config, 'storage', async (database) => {
    const compared = await savedComparisons(database, date);
    const movers = compared.flatMap((each) => each.rows.filter((row) => row.level === 'directory')).sort(compareGrowthRows);
    say(`\n${paint('strong', 'Who grew in a week')}  ./longshore storage growth`);
    say(growthTable(movers.slice(0, few), 'directory'));
    say(`\n${paint('strong', 'Largest directories')}  ./longshore storage directories`);
    say(directoryTable(await directoryRows(database, { date, sort: 'size', limit: few })));
    say(`\n${paint('strong', 'Users')}  ./longshore storage users`);
    say(userTable((await userRows(database, date)).toSorted((a, b) => (b.used > a.used ? 1 : -1)).slice(0, few)));
    say(`\n${paint('strong', 'Not read for years')}  ./longshore storage ages`);
    const unread = (row: AgeRow): bigint => row.access.bytes.slice(oldBand).reduce((sum, bytes) => sum + bytes, 0n);
    say(ageTable((await ageRows(database, date)).toSorted((a, b) => (unread(b) > unread(a) ? 1 : -1)).slice(0, few), 'access'));
    say(`\n${paint('strong', 'In vaults')}  ./longshore storage vault`);
    say(vaultGroupTable((await vaultSummary(database, date)).slice(0, few)));
  });
}

/** The word after `npm run demo --`; none: the storage demo. */
async function chosen(word: string | undefined): Promise<void> {
  if (word === undefined) return demo();
  if (word !== 'sequencing') throw new OperationError('ContractError', `There is no demo "${word}": npm run demo, or npm run demo -- sequencing.`);
  const { sequencingDemo } = await import('./sequencing.ts');
  return sequencingDemo();
}

try {
  await chosen(process.argv[2]);
  // Handles that linger (a native library's threads) must not hold the terminal.
  process.exit(0);
} catch (error) {
  if (error instanceof Interrupted) process.exit(130);
  console.error(error instanceof OperationError ? error.message : error);
  process.exit(1);
}
