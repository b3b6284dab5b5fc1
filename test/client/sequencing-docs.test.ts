import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { sequencingPage } from '../../client/cli/sequencing/docs.ts';
import { registerSequencing } from '../../client/cli/sequencing/index.ts';
import { parseConfig } from '../../config/load.ts';
import { cellStateMeanings } from '../../domain/sequencing/cell-state.ts';
import { type CellAction, cellActions, runRules } from '../../domain/sequencing/operator-actions.ts';
import { pipelineFiles } from '../../domain/sequencing/pipeline-files.ts';
import { statusMeanings } from '../../domain/sequencing/run-status.ts';
import { root } from '../support/longshore.ts';

describe('docs/sequencing.md', () => {
  let page: string;
  before(async () => {
    page = await readFile(path.join(root, 'docs/sequencing.md'), 'utf8');
  });
  const blocks = (language: string): string[] => [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gmsu'))].map(([, text]) => text!);

  it('says what states and actions mean, as the rules have it', () => {
    assert.equal(page, sequencingPage(page), 'out of date: run `node client/cli/sequencing/docs.ts`');
    for (const [state, meaning] of [...Object.entries(cellStateMeanings), ...Object.entries(statusMeanings)]) assert.ok(page.split('\n').some((line) => line.startsWith(`| \`${state}\` |`) && line.endsWith(`| ${meaning} |`)), state);
  });

  it('shows a configuration that is valid', () => {
    const { config, faults } = parseConfig(blocks('yaml')[0]!);
    assert.deepEqual(faults, []);
    assert.deepEqual(config?.sequencing.instruments.map(({ label }) => label), ['EGS2', 'MIN2']);
  });

  it('names every command, and none that there is not', () => {
    const program = new Command('longshore');
    registerSequencing(program);
    const verbs = program.commands[0]!.commands.map((command) => command.name());
    assert.deepEqual(verbs.filter((verb) => !new RegExp(`(?:sequencing |\`)${verb}\\b`, 'u').test(page)), []);
    const named = [...page.matchAll(/longshore sequencing ([a-z][a-z-]*)/gu)].map(([, verb]) => verb!);
    assert.deepEqual(named.filter((verb) => !verbs.includes(verb)), []);
    const options = [...page.matchAll(/longshore sequencing ([a-z-]+)[^\n`#]*?(--[a-z-]+)/gu)];
    for (const [text, verb, option] of options) assert.ok(program.commands[0]!.commands.find((command) => command.name() === verb)!.options.some(({ long }) => long === option), text);
    assert.ok(options.length > 3);
  });

  it('lists every file of pipeline/', () => {
    const everything = pipelineFiles({
      known: true, upstream: 'a', output: '/b', type: { type: 'internal' }, sync: { started: true, done: true, failed: true }, aborted: true, stripped: true, failed: 'x',
      cells: { CELLDIR: { synced: true, started: true, done: true, aborted: true, failed: 'x' } }, notified: [7], startTimes: ['x'], reportUrl: 'x',
    });
    for (const { name } of everything) assert.ok(page.includes(`\`${name.replace('notify_7_', 'notify_N_')}\``), name);
  });

  it('shows updates as the workflows take them', () => {
    const inputs = [...page.matchAll(/--input '(\{.*?\})'$/gmu)].map(([, text]) => JSON.parse(text!) as { actor: string; reason: string; action?: CellAction; key?: string; request?: { action: string } });
    assert.equal(inputs.length, 3);
    for (const { actor, reason, action, key, request } of inputs) {
      assert.ok(actor !== '' && reason !== '');
      if (action !== undefined) assert.ok(cellActions.includes(action) && key !== undefined);
      if (request !== undefined) assert.ok(Object.hasOwn(runRules, request.action));
    }
  });

  it('names keys of the configuration that there are', async () => {
    const reference = await readFile(path.join(root, 'docs/configuration.md'), 'utf8');
    const keys = [...page.matchAll(/`(copy\.[a-zA-Z]+|queues\.test|stallHours|unreachableMinutes|idleDays|heartbeatFile|sequencing\.[a-z][a-zA-Z]+)\b/gu)].map(([, key]) => key!);
    assert.ok(keys.length > 10);
    for (const key of new Set(keys)) assert.ok(reference.includes(`.${key.replace('sequencing.', '')}\``), key);
  });

  it('has links that lead somewhere', async () => {
    const anchors = new Set([...page.matchAll(/^#+ (.*)$/gmu)].map(([, title]) => title!.toLowerCase().replaceAll(/[^\w\s-]/gu, '').replaceAll(' ', '-')));
    for (const [, link] of page.matchAll(/\]\(([^)]+)\)/gu)) {
      const [file, anchor] = link!.split('#') as [string, string | undefined];
      if (file === '') assert.ok(anchors.has(anchor!), link);
      else await readFile(path.join(root, 'docs', file));
    }
  });
});
