/** The demo's input: stat files of a small site, its groups and people, its quotas. Made from a seed and kept for the next run. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../activities/platform/files/atomic.ts';
import { addDays, daysBetween } from '../../domain/dates.ts';
import { damage, type Era, generateScan, groupDump, groupsOf, passwdDump, scanFileName, usersOf } from '../../test/support/scan-generator/index.ts';

const seed = 117;
/** Raised when what is made changes, so that kept input of an older version is made anew. */
const version = 2;
/** Kept input is used while its newest scan is young enough for a report. */
const keepDays = 10;

const keptSchema = z.object({ version: z.literal(version), volumes: z.array(z.string()), earlier: z.string(), newest: z.string(), lines: z.number() });

interface DemoVolume {
  name: string;
  era: Era;
  lines: number;
  parts: number;
}

/** About two million lines over two dates, in three of the encodings that scanners have used. */
const volumes: readonly DemoVolume[] = [
  { name: 'scratch117', era: 'W4', lines: 400_000, parts: 1 },
  { name: 'scratch118', era: 'W1', lines: 250_000, parts: 4 },
  { name: 'scratch119', era: 'W3', lines: 190_000, parts: 1 },
  { name: 'scratch123', era: 'W4', lines: 120_000, parts: 1 },
];
const damaged = 'scratch123';

export interface DemoInput {
  directory: string;
  volumes: string[];
  /** Dates of the two scans of each volume, YYYY-MM-DD. */
  earlier: string;
  newest: string;
  lines: number;
}

/** Makes the input below `directory`, or finds it there. `today` is YYYY-MM-DD; `say` hears of each file. */
export async function demoInput(directory: string, today: string, say: (line: string) => void): Promise<DemoInput & { made: boolean }> {
  const manifest = path.join(directory, 'input.json');
  const kept = await keptInput(manifest, today);
  if (kept !== null) return { ...kept, directory, made: false };

  await rm(directory, { recursive: true, force: true });
  const scans = path.join(directory, 'scans');
  await mkdir(scans, { recursive: true });
  const newest = addDays(today, -1);
  const earlier = addDays(newest, -7);
  let lines = 0;
  const quotas: string[] = [];
  for (const { name, era, lines: size, parts } of volumes) {
    for (const [date, growth] of [[earlier, 1], [newest, 1.15]] as const) {
      const scannedAt = Date.parse(`${date}T02:30:00Z`) / 1000;
      const file = path.join(scans, scanFileName(era, name, scannedAt));
      const scan = await generateScan({ path: file, seed, lines: size, volume: name, era, scannedAt, growth, parts });
      lines += scan.lines;
      say(`  ${name}, ${date}: ${scan.lines.toLocaleString('en-GB')} lines`);
      if (date === newest) {
        for (const [gid, { bytes }] of scan.groups) quotas.push(...quotaLine(gid, name, bytes));
        if (name === damaged) await damage(file, 'truncate');
      }
    }
  }
  await writeFile(path.join(directory, 'quotas.csv'), quotas.join(''));
  await writeFile(path.join(directory, 'group'), groupDump(seed));
  await writeFile(path.join(directory, 'passwd'), passwdDump(seed));
  await writeFile(path.join(directory, 'pis.csv'), owners());
  const input = { version, volumes: volumes.map(({ name }) => name), earlier, newest, lines };
  await writeFileAtomic(manifest, JSON.stringify(input));
  return { ...input, directory, made: true };
}

async function keptInput(manifest: string, today: string): Promise<Omit<DemoInput, 'directory'> | null> {
  try {
    const kept = keptSchema.parse(JSON.parse(await readFile(manifest, 'utf8')));
    const age = daysBetween(kept.newest, today);
    return age >= 0 && age <= keepDays ? kept : null;
  } catch {
    return null;
  }
}

/** Most groups have room; every seventh is near its quota, every nineteenth over it, every tenth has none. */
function quotaLine(gid: number, volume: string, used: bigint): string[] {
  if (gid % 10 === 0 || used === 0n) return [];
  const percent = gid % 19 === 0 ? 103n : gid % 7 === 0 ? BigInt(82 + (gid % 15)) : BigInt(25 + (gid % 45));
  return [`${gid},/lustre/${volume},${(used * 100n) / percent + 1n},${1_000_000 + gid}\n`];
}

/** Each group's principal investigator: one of the first users, so that some have several groups. */
function owners(): string {
  const people = usersOf(seed).slice(0, 40);
  return groupsOf(seed).map(({ gid }, index) => `${gid},${people[index % people.length]!.name}\n`).join('');
}
