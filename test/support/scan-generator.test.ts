import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generateScan, groupDump, type GeneratedScan, type ScanOptions } from './scan-generator/index.ts';

describe('generator of scans', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longshore-generator-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  /** As plain text. */
  async function made(options: Partial<ScanOptions>): Promise<{ scan: GeneratedScan; text: Buffer }> {
    const file = path.join(directory, 'scan');
    const scan = await generateScan({ path: file, seed: 7, lines: 3000, volume: 'scratch117', era: 'W4', scannedAt: 1_790_000_000, level: null, ...options });
    return { scan, text: await readFile(file) };
  }

  // Tests elsewhere, and scans that were kept, rely on it.
  for (const [options, digest] of [
    [{}, '77aeaea609403565'],
    [{ era: 'M', parts: 3, growth: 1.4 }, 'f483f5f6c319971d'],
  ] as const) {
    it(`makes what it always made of ${JSON.stringify(options)}`, async () => {
      const { text } = await made(options);
      assert.equal(createHash('sha256').update(text).digest('hex').slice(0, 16), digest);
    });
  }

  for (const [groups, projects] of [[10, 10], [1, 3], [500, 40], [20, 1000], [30_000, 30_000]] as const) {
    it(`makes ${projects} projects of ${groups} groups`, async () => {
      const lines = Math.max(3000, projects * 10);
      const { scan, text } = await made({ groups, projects, lines });
      const count = text.reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 0);
      assert.equal(count, scan.lines);
      assert.equal(scan.lines, lines);
      assert.equal(scan.baseDirectories.length, projects);
      assert.equal(new Set(scan.baseDirectories.map((each) => each.directory)).size, projects);
      const known = new Set(groupDump(7, { groups }).trimEnd().split('\n').map((line) => Number(line.split(':')[2])));
      assert.equal(known.size, groups);
      for (const gid of scan.groups.keys()) assert.ok(gid === 0 || known.has(gid), String(gid));
      assert.equal(new Set(groupDump(7, { groups }).split('\n')).size, groups + 1);
    });
  }
});
