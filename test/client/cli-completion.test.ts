import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { completionScript } from '../../client/cli/completion.ts';
import { buildProgram } from '../../client/cli/main.ts';

const run = promisify(execFile);

/** Asks a real bash: the last word is the one at the cursor. */
const ask = `
source "$1"; shift
[[ $(complete -p longshore) == *'-F _longshore longshore' ]] || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_longshore
printf '%s\\n' "\${COMPREPLY[@]}"
`;

describe('completion in bash', () => {
  let directory: string;
  let script: string;
  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-completion-'));
    script = path.join(directory, 'script');
    await writeFile(script, completionScript(buildProgram(), 'bash'));
    await writeFile(path.join(directory, 'site.yaml'), '');
  });
  after(() => rm(directory, { recursive: true }));

  async function complete(...words: string[]): Promise<string[]> {
    const { stdout, stderr } = await run('bash', ['--norc', '-c', ask, 'bash', script, 'longshore', ...words], { cwd: directory });
    assert.equal(stderr, '');
    return stdout.split('\n').filter((line) => line !== '');
  }

  const cases: [words: string[], expected: string[]][] = [
    [['do'], ['doctor']],
    [['config', ''], ['check', 'show', 'schema', 'example']],
    [['config', 's'], ['show', 'schema']],
    [['config', 'show', '--d'], ['--defaults']],
    [['config', 'show', '--j'], ['--json']],
    [['--json', 'config', 'show', '--def'], ['--defaults']],
    [['db', 'migrate', ''], ['sequencing', 'storage']],
    [['completion', ''], ['bash', 'zsh', 'fish']],
    [['--config', 's'], ['site.yaml', 'script'].toSorted().toReversed()],
    [['config', 'show', '--config', 'site'], ['site.yaml']],
    [['--config', 'db', 'config', 'e'], ['example']],
    [['db', 'down', '--to', ''], []],
    [['storage', 'growth', '--sort', ''], ['net', 'grown', 'shrunk', 'files', 'name']],
    [['storage', 'groups', '--sort', 'u'], ['urgency', 'used']],
    [['storage', 'groups', '--ba'], ['--base']],
    [['nonsense', 'co'], ['config', 'completion']],
    [['config', "it's; echo oops", ''], ['check', 'show', 'schema', 'example']],
  ];
  for (const [words, expected] of cases) {
    it(words.join(' ') || 'nothing', async () => assert.deepEqual((await complete(...words)).toSorted(), expected.toSorted()));
  }

  it('knows every command', async () => {
    const names = buildProgram().commands.map((command) => command.name());
    assert.deepEqual((await complete('')).toSorted(), names.toSorted());
  });
});
