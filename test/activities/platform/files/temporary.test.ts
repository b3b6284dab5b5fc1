import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { withTemporary } from '../../../../activities/platform/files/temporary.ts';

describe('withTemporary', () => {
  let directory: string;
  beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'longshore-temporary-'))));
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const left = (): Promise<string[]> => readdir(directory);
  /** The name that a process of another number would have chosen. */
  const nameOf = async (pid: number | undefined): Promise<string> => {
    const mine = await withTemporary(join(directory, 'reads.fastq.gz'), async (temporary) => basename(temporary));
    return mine.replace(`.${process.pid}-`, `.${pid}-`);
  };
  const ended = async (): Promise<number | undefined> => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    return child.pid;
  };

  it('removes what is left under the name, file or directory, and keeps what took its place', async () => {
    await withTemporary(join(directory, 'a'), async (temporary) => {
      await writeFile(temporary, 'x');
      await rename(temporary, join(directory, 'a'));
    });
    await assert.rejects(withTemporary(join(directory, 'b'), async (temporary) => {
      await mkdir(join(temporary, 'below'), { recursive: true });
      throw new Error('broken');
    }), { message: 'broken' });
    assert.deepEqual(await left(), ['a']);
  });

  it('removes what a killed process left, whatever it was to become', async () => {
    const gone = await nameOf(await ended());
    await writeFile(join(directory, gone), 'half');
    await mkdir(join(directory, gone.replace('.reads', '.links')));
    await withTemporary(join(directory, 'other'), (temporary) => writeFile(temporary, 'x'));
    assert.deepEqual(await left(), []);
  });

  it('removes what a process of its own number left, as in a restarted container, but not what is under way', async () => {
    await writeFile(join(directory, await nameOf(process.pid)), 'half');
    await withTemporary(join(directory, 'a'), async (first) => {
      await writeFile(first, 'x');
      await withTemporary(join(directory, 'b'), (second) => writeFile(second, 'x'));
      assert.deepEqual(await left(), [basename(first)]);
    });
  });

  it('leaves what others write: a living process, another thread, another machine, another program', async () => {
    const mine = await nameOf(process.pid);
    const kept = [
      mine.replace(`.${process.pid}-`, `.${process.ppid}-`),
      mine.replace(`.${process.pid}-0.`, `.${process.pid}-7.`),
      mine.replace(/gz\..*\.\d+-0\./u, `gz.some-other-host.${await ended()}-0.`),
      '.reads.tmp',
      'reads.fastq.gz',
    ];
    for (const name of kept) await writeFile(join(directory, name), 'x');
    await withTemporary(join(directory, 'a'), async () => {});
    assert.deepEqual(await left(), kept.toSorted());
  });
});
