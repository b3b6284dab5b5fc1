/**
 * `npm test`: all tiers against real services, two at a time.
 *   npm test -- --tier NAME   only this tier (again for more)
 *   npm test -- --grep TEXT   only tests whose title matches
 *   npm test -- --list        the tiers and their files
 * The last line is the sum. Ends with 1 when anything failed or nothing ran; with CI=true also when anything was skipped.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from '../infra/local/layout.ts';
import { took } from '../infra/local/steps.ts';
import { installPackages } from './runner/packages.ts';
import { runCommand, runMocha } from './runner/run-tier.ts';
import type { TierResult } from './runner/run-tier.ts';
import { sharedServices } from './runner/services.ts';
import { testFiles, tiers } from './runner/tiers.ts';
import type { Tier } from './runner/tiers.ts';

const atOnce = 2;
const tierLimitMs = 12 * 60_000;
const inCi = process.env['CI'] === 'true';
const say = (line: string): void => console.log(line);

const { values: wanted } = parseArgs({ options: { tier: { type: 'string', multiple: true }, grep: { type: 'string' }, list: { type: 'boolean' } } });
const { byTier, stray } = testFiles(tiers, projectRoot);

function chosenTiers(): Tier[] {
  const unknown = wanted.tier?.find((name) => !tiers.some((tier) => tier.name === name));
  if (unknown !== undefined) throw new Error(`There is no tier ${unknown}; there are ${tiers.map(({ name }) => name).join(', ')}.`);
  return tiers.filter((tier) => (wanted.tier?.includes(tier.name) ?? true) && (wanted.grep === undefined || 'folders' in tier));
}

function list(): void {
  for (const tier of tiers) {
    if ('script' in tier) say(`${tier.name}: ${tier.script.join(' ')}`);
    else say(`${tier.name}${tier.needs.length === 0 ? '' : ` (needs ${tier.needs.join(', ')})`}: ${(byTier.get(tier.name) ?? []).join(' ')}`);
  }
}

const failed = (text: string): TierResult => ({ passed: 0, failed: 1, skipped: 0, failures: [text], skips: [] });

async function runTiers(chosen: Tier[], signal: AbortSignal): Promise<Map<string, TierResult>> {
  const results = new Map<string, TierResult>();
  const services = sharedServices(say, signal);
  const onFailure = (text: string): void => say(`\n✗ ${text}\n`);

  const runOne = async (tier: Tier): Promise<TierResult> => {
    const common = { root: projectRoot, timeoutMs: tierLimitMs, signal, onFailure };
    if ('script' in tier) return await runCommand(tier, { ...common, env: await services.environment([]) });
    let env: Record<string, string>;
    try {
      env = await services.environment(tier.needs);
    } catch (error) {
      signal.throwIfAborted();
      return { passed: 0, failed: 0, skipped: 1, failures: [], skips: [`the whole tier: ${error instanceof Error ? error.message : String(error)}`] };
    }
    const log = join(projectRoot, '.longshore', 'test', `${tier.name}.log`);
    return await runMocha({ ...common, env, files: byTier.get(tier.name) ?? [], grep: wanted.grep, log });
  };

  const queue = [...chosen];
  const worker = async (): Promise<void> => {
    for (let tier = queue.shift(); tier !== undefined && !signal.aborted; tier = queue.shift()) {
      const started = performance.now();
      const result = await runOne(tier).catch((error: unknown) => failed(`${tier.name}: ${error instanceof Error ? error.message : String(error)}`));
      results.set(tier.name, result);
      say(`${tier.name.padEnd(12)} ${sum(result)} (${took(started)})`);
    }
  };
  try {
    if (chosen.some((tier) => 'folders' in tier && tier.needs.length > 0)) await installPackages(say, signal);
    await Promise.all(Array.from({ length: atOnce }, worker));
  } finally {
    await services.stop();
  }
  return results;
}

function sum({ passed, failed, skipped }: Pick<TierResult, 'passed' | 'failed' | 'skipped'>): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
}

/** In a continuous integration nobody reads a list of what was skipped: there it has failed. */
function total(results: readonly TierResult[]): { passed: number; failed: number; skipped: number } {
  const add = (key: 'passed' | 'failed' | 'skipped'): number => results.reduce((count, result) => count + result[key], 0);
  const skipped = add('skipped');
  return inCi ? { passed: add('passed'), failed: add('failed') + skipped, skipped: 0 } : { passed: add('passed'), failed: add('failed'), skipped };
}

async function main(): Promise<void> {
  if (wanted.list === true) return list();
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt.abort(new Error(`stopped by ${name}`)));
  const results = await runTiers(chosenTiers(), interrupt.signal);
  if (stray.length > 0) results.set('stray', failed(`in no tier (test/runner/tiers.ts): ${stray.join(', ')}`));
  const all = total([...results.values()]);
  if (all.passed + all.failed === 0 && results.size > 0) {
    results.set('none', failed(wanted.grep === undefined ? 'no test ran' : `no test matches ${wanted.grep}`));
    all.failed++;
  }

  say('');
  for (const [name, { failures, skips }] of results) {
    for (const text of failures) say(`failed  ${name}: ${text.split('\n', 1)[0]}`);
    for (const text of skips) say(`skipped ${name}: ${text}${inCi ? ' (a failure, since CI=true)' : ''}`);
  }
  process.exitCode = all.failed > 0 || interrupt.signal.aborted ? 1 : 0;
  say(sum(all));
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
  say(sum({ passed: 0, failed: 1, skipped: 0 }));
}
