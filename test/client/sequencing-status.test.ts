import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import stringWidth from 'string-width';
import { registerSequencing } from '../../client/cli/sequencing/index.ts';
import { renderStatus } from '../../client/cli/sequencing/status.ts';
import type { StatusReport } from '../../domain/sequencing/status-fields.ts';

const a = 'a test lib/20000101_0000_1-A1-A1_PAD00000_aaaaaaaa';
const b = 'a test lib/20000101_0000_2-B1-B1_PAD00000_bbbbbbbb';
const name = '20000101_TEST_testrun2';

describe('sequencing status', () => {
  let root: string;
  let run: string;

  const put = async (file: string, text = ''): Promise<string> => {
    const at = path.join(root, file);
    await mkdir(path.dirname(at), { recursive: true });
    await writeFile(at, text);
    return at;
  };
  const touch = (...names: string[]): Promise<unknown> => Promise.all(names.map((each) => put(`${name}/pipeline/${each}`)));
  const key = (cell: string): string => path.basename(cell);
  const listing = (...cells: string[]): Promise<string> => put('upstream.tsv', cells.map((cell) => `${name}\tprom@promethion:/data/testrun2\t${cell}\n`).join(''));

  beforeEach(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), 'longshore-status-'));
    run = path.join(root, name);
    for (const cell of [a, b]) {
      await put(`${name}/${cell}/other_reports/x.csv`);
      await utimes(path.join(run, cell, 'other_reports'), new Date(2019, 6, 4, 17, 3, 9), new Date(2019, 6, 4, 17, 3, 9));
    }
    await put(`${name}/pipeline/type.yaml`, 'type: internal\n');
    await put(`${name}/pipeline/upstream`, 'prom@promethion:/data/testrun2\n');
    await mkdir(path.join(root, 'out'));
    await symlink(path.join(root, 'out'), path.join(run, 'pipeline/output'));
  });
  afterEach(async () => {
    process.exitCode = 0;
    await rm(root, { recursive: true });
  });

  function program(): Command {
    const command = new Command('longshore').exitOverride().option('--config <file>').option('--json');
    registerSequencing(command);
    return command;
  }

  /** Standard output and standard error of the command. */
  async function status(...words: string[]): Promise<{ out: string; err: string }> {
    const written = { out: '', err: '' };
    const { stdout, stderr } = process;
    const [writeOut, writeErr] = [stdout.write.bind(stdout), stderr.write.bind(stderr)];
    stdout.write = (text: string | Uint8Array) => ((written.out += String(text)), true);
    stderr.write = (text: string | Uint8Array) => ((written.err += String(text)), true);
    try {
      await program().parseAsync(['sequencing', 'status', ...words], { from: 'user' });
    } finally {
      stdout.write = writeOut;
      stderr.write = writeErr;
    }
    return written;
  }
  const field = (out: string, which: string): string | undefined => out.split('\n').find((line) => line.startsWith(`${which}: `))?.slice(which.length + 2);

  it('prints the fields of the original’s tool, in its order', async () => {
    const { out, err } = await status(run);
    assert.equal(out, [
      `Experiment: ${name}`, 'Instrument: TEST', 'Type: internal', 'Upstream: LOCAL', `Cells: ${a}\t${b}`, `CellsPending: ${a}\t${b}`, 'CellsReady: ', 'CellsDone: ', 'CellsAborted: ',
      'StartTime: Thu Jul  4 17:03:09 2019', 'PipelineStatus: incomplete', '',
    ].join('\n'));
    assert.equal(err, '');
  });

  it('follows a run from its cells upstream to the end', async () => {
    const file = await listing(a, b);
    const pending = (await status(run, '--upstream', file)).out;
    assert.deepEqual([field(pending, 'PipelineStatus'), field(pending, 'Upstream'), field(pending, 'CellsPending')], ['sync_needed', 'prom@promethion:/data/testrun2', `${a}\t${b}`]);
    await touch(`${key(a)}.done`, `${key(b)}.done`);
    const complete = (await status(run)).out;
    assert.deepEqual([field(complete, 'PipelineStatus'), field(complete, 'CellsDone')], ['complete', `${a}\t${b}`]);
    const more = (await status(run, '--upstream', await listing('a test lib/TEST123'))).out;
    assert.deepEqual([field(more, 'PipelineStatus'), field(more, 'CellsPending')], ['sync_needed', 'a test lib/TEST123']);
    await touch('sync.started');
    assert.equal(field((await status(run)).out, 'PipelineStatus'), 'syncing');
    assert.equal(field((await status(run, '--upstream', file)).out, 'PipelineStatus'), 'syncing');
  });

  it('is the same through the output directory', async () => {
    await symlink(run, path.join(root, 'out/rundata'));
    assert.equal((await status(path.join(root, 'out'))).out, (await status(run)).out);
  });

  it('prints the state of every cell as JSON', async () => {
    await touch(`${key(a)}.synced`);
    const document = JSON.parse((await status(run, '--upstream', await listing(a, `x/${key(b)}`, 'lib/20000101_0000_3-C1-C1_PAD00000_cccccccc'), '--json')).out) as Record<string, unknown> & { cells: { cell: string; state: string; code: number; upstreamCell: string }[] };
    assert.deepEqual(document.cells.map(({ cell, state, code, upstreamCell }) => [cell, state, code, upstreamCell]), [
      [a, 'READY', 1, a], [b, 'PENDING', 0, `x/${key(b)}`], ['lib/20000101_0000_3-C1-C1_PAD00000_cccccccc', 'NEW', -1, 'lib/20000101_0000_3-C1-C1_PAD00000_cccccccc'],
    ]);
    assert.deepEqual([document['status'], document['listing'], document['upstream'], document['recordedUpstream'], document['type']], ['cell_ready', 'listed', 'prom@promethion:/data/testrun2', 'prom@promethion:/data/testrun2', 'internal']);
    assert.equal(document['startTime'], new Date(2019, 6, 4, 17, 3, 9).toISOString());
  });

  it('has the original’s rules where they are wished for', async () => {
    const file = await listing(`x/${key(a)}`, b);
    await touch(`${key(b)}.done`);
    assert.equal(field((await status(run, '--upstream', file)).out, 'PipelineStatus'), 'sync_needed');
    assert.equal(field((await status(run, '--upstream', file, '--original')).out, 'PipelineStatus'), 'incomplete');
    await mkdir(path.join(root, '20000101_TEST_none/pipeline'), { recursive: true });
    assert.equal(field((await status(path.join(root, '20000101_TEST_none'))).out, 'PipelineStatus'), 'empty');
    assert.equal(field((await status(path.join(root, '20000101_TEST_none'), '--original')).out, 'PipelineStatus'), 'complete');
  });

  it('warns beside the result', async () => {
    await touch('report.done.old');
    await rm(path.join(run, 'pipeline/upstream'));
    const { out, err } = await status(run);
    assert.equal(field(out, 'PipelineStatus'), 'incomplete');
    assert.equal(err, 'pipeline/report.done.old has no meaning.\npipeline/upstream is missing or empty.\n');
  });

  it('refuses a listing that it cannot understand, with file and line; nothing is printed', async () => {
    const file = await put('bad.tsv', `${name}\tx\t${a}\nssh: connect to host promethion: Connection refused\n`);
    await assert.rejects(status(run, '--upstream', file), { name: 'InputCorrupt', message: `${file}, line 2: expected 3 columns separated by tabs (run, location, library/celldir), found 1.`, place: { file, line: 2 } });
    await assert.rejects(status(run, '--upstream', path.join(root, 'nowhere')), { name: 'NotFound', message: /^Cannot read the listing .*nowhere: it does not exist \(ENOENT\)\.$/u });
    await assert.rejects(status(run, '--upstream', root), { name: 'InputCorrupt', message: /is a directory: expected a listing\.$/u });
    await writeFile(file, Buffer.from([0xff]));
    await assert.rejects(status(run, '--upstream', file), { name: 'InputCorrupt', message: /is not UTF-8 text\.$/u });
    await assert.rejects(status(path.join(root, 'nowhere')), { name: 'NotFound' });
  });

  it('reads the listing from standard input, in a process of its own', async () => {
    const script = await put('run.mjs', `import { Command } from '${path.join(import.meta.dirname, '../../node_modules/commander/index.js')}';\nconst { registerSequencing } = await import('${path.join(import.meta.dirname, '../../client/cli/sequencing/index.ts')}');\nconst program = new Command().option('--json');\nregisterSequencing(program);\nawait program.parseAsync(process.argv.slice(2), { from: 'user' });\n`);
    const words = [script, 'sequencing', 'status', run, '--upstream', '-'];
    // Neither a home, a configuration nor a server.
    const options = { input: `${name}\tprom@promethion:/data/testrun2\t${a}\n`, encoding: 'utf8', timeout: 20_000, env: { HOME: '/nonexistent', TEMPORAL_ADDRESS: '127.0.0.1:1', LONGSHORE_CONFIG: '/nonexistent/longshore.yaml' } } as const;
    const { stdout, stderr, status: code } = spawnSync(process.execPath, words, options);
    assert.deepEqual([stderr, code], ['', 0]);
    assert.deepEqual([field(stdout, 'PipelineStatus'), field(stdout, 'Upstream')], ['sync_needed', 'prom@promethion:/data/testrun2']);
    const bad = spawnSync(process.execPath, words, { ...options, input: 'x\n' });
    assert.match(bad.stderr, /standard input, line 1: expected 3 columns/u);
    assert.equal(bad.stdout, '');
  });

  // The group’s own help is checked with the whole command: test/client/cli.test.ts.
  it('has help that fits 80 by 24', () => {
    const [sequencing] = program().commands;
    for (const command of sequencing!.commands) {
      const lines = command.configureHelp({ helpWidth: 80 }).helpInformation().split('\n');
      assert.ok(lines.length <= 24 && lines.every((line) => line.length <= 80), lines.join('\n'));
    }
  });
});

describe('what people see of a status', () => {
  const report: StatusReport = {
    experiment: name, instrument: 'TEST', type: 'internal', upstream: { state: 'unknown', cells: [] }, startTime: null, status: 'cell_ready',
    cells: [
      { key: key(a), cell: a, state: 'READY', present: true, upstreamCell: null },
      { key: key(b), cell: `${'long library '.repeat(5)}/${key(b)}`, state: 'PENDING', present: true, upstreamCell: null },
      { key: 'x', cell: 'evil\u001b[2J\u202e/20000101_x', state: 'NEW', present: false, upstreamCell: 'x' },
      { key: key(a), cell: null, state: 'PROCESSED', present: false, upstreamCell: null },
    ],
  };
  function key(cell: string): string {
    return path.basename(cell);
  }

  it('fits into 80 columns, and says what it means', () => {
    const text = renderStatus(report, 80);
    for (const line of text.split('\n')) assert.ok(stringWidth(line) <= 80, line);
    assert.match(text, /^PipelineStatus +cell_ready: cells wait to be processed$/mu);
    assert.match(text, new RegExp(`^READY +${a}$`, 'mu'));
    assert.match(renderStatus(report, 110), /^READY +a test lib\/.*aaaa +complete, waits to be processed$/mu);
    for (const line of renderStatus(report, 110).split('\n')) assert.ok(stringWidth(line) <= 110, line);
    assert.match(text, /^PROCESSED +\(only recorded\)/mu);
  });
  it('shows names without obeying them', () => {
    const text = renderStatus(report, Infinity);
    assert.ok(text.includes(String.raw`evil\x1b[2J\u202e`));
    assert.doesNotMatch(text, /[^\P{C}\n]/u);
  });
  it('says when there are no cells', () => assert.match(renderStatus({ ...report, cells: [], status: 'empty' }, 80), /\n\nNo cells\.$/u));
});
