/**
 * A stand-in for the `lfs` program that speaks the output forms of `lfs quota -q -g <group> <mount>`, and misbehaves on demand.
 */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What `lfs` knows of a group: KiB and counts; 0 is no limit. */
export interface FakeQuota {
  usedKib?: bigint | number;
  softKib?: bigint | number;
  hardKib?: bigint | number;
  inodes?: number;
  inodesSoft?: number;
  inodesHard?: number;
  /**
   * - `refused`: the asker is not a member: a complaint and an exit status, no numbers
   * - `unsure`: some storage target did not answer: every number in brackets, and the sentence that follows
   * - `unsure-usage`: the same, but only the usage is in brackets; exit status 1, as newer clients have it
   * - `default-quota`: numbers, and sentences about default quotas after them
   * - `truncated`: the last numbers are missing
   * - `hang`: no answer, ever, from a child process
   */
  how?: 'refused' | 'unsure' | 'unsure-usage' | 'default-quota' | 'truncated' | 'hang';
}

export interface FakeLfs {
  /** The program, for `storage.quotas.lfs.command`. */
  command: string;
  /** The arguments of every call so far, in the order of arrival. */
  calls: () => Promise<string[][]>;
  /** Process ids of children that hang. */
  hanging: () => Promise<number[]>;
}

const errorsHappened = 'Some errors happened when getting quota info. Some devices may be not working or deactivated. The data in "[]" is inaccurate.';

/** What `lfs quota -q` prints of a group: a mount point of more than 15 characters stands on its own line. */
export function lfsQuotaText(mount: string, quota: FakeQuota): string {
  const { usedKib = 0, softKib = 0, hardKib = 0, inodes = 0, inodesSoft = 0, inodesHard = 0, how } = quota;
  const usage = (value: bigint | number): string => (how === 'unsure' || how === 'unsure-usage' ? `[${value}]` : String(value));
  const limit = (value: bigint | number): string => (how === 'unsure' ? `[${value}]` : String(value));
  const star = (used: bigint | number, ...limits: (bigint | number)[]): string => (limits.some((most) => BigInt(most) > 0n && BigInt(used) > BigInt(most)) ? '*' : ' ');
  const grace = (used: bigint | number, soft: bigint | number, hard: bigint | number): string => (star(used, soft, hard) === '*' ? '6d23h59m58s' : '-');

  let text = mount.length > 15 ? `${mount}\n${' '.repeat(15)}` : mount.padStart(15);
  text += ` ${usage(usedKib).padStart(7)}${star(usedKib, softKib, hardKib)} ${limit(softKib).padStart(6)} ${limit(hardKib).padStart(7)} ${grace(usedKib, softKib, hardKib).padStart(7)}`;
  if (how === 'truncated') return `${text}\n`;
  text += ` ${usage(inodes).padStart(7)}${star(inodes, inodesSoft, inodesHard)} ${limit(inodesSoft).padStart(6)} ${limit(inodesHard).padStart(7)} ${grace(inodes, inodesSoft, inodesHard).padStart(7)}\n`;
  if (how === 'unsure' || how === 'unsure-usage') text += `${errorsHappened}\n`;
  if (how === 'default-quota') text += 'gid 1000 is using default block quota setting\ngid 1000 is using default file quota setting\n';
  return text;
}

/**
 * Writes the program into `directory`. A group that is not in `quotas` (by name, or by number where the caller gives one) is unknown to it.
 */
export async function createFakeLfs(directory: string, mount: string, quotas: Readonly<Record<string, FakeQuota>>): Promise<FakeLfs> {
  const command = join(directory, 'lfs');
  const calls = join(directory, 'lfs-calls');
  const children = join(directory, 'lfs-children');
  const cases = Object.entries(quotas).map(([group, quota]) => `${quoted(group)}) ${answer(mount, quota, children)} ;;`);
  const script = [
    '#!/bin/sh',
    // One write a call, so that parallel calls do not mix.
    `printf '%s' "$(printf '%s\\037' "$@")\n" >> ${quoted(calls)}`,
    `[ "$#" = 5 ] && [ "$1 $2 $3" = 'quota -q -g' ] && [ "$5" = ${quoted(mount)} ] || { echo 'lfs quota: wrong usage' >&2; exit 22; }`,
    'case "$4" in',
    ...cases,
    `*) echo "lfs quota: unknown id: '$4'" >&2; exit 2 ;;`,
    'esac',
    '',
  ].join('\n');
  await writeFile(calls, '');
  await writeFile(children, '');
  await writeFile(command, script);
  await chmod(command, 0o755);
  return {
    command,
    calls: async () => (await lines(calls)).map((line) => line.split('\u001F').slice(0, -1)),
    hanging: async () => (await lines(children)).map(Number),
  };
}

function answer(mount: string, quota: FakeQuota, children: string): string {
  if (quota.how === 'refused') return `echo ${quoted(`Permission denied.\nquota get failed: Permission denied`)} >&2; exit 13`;
  if (quota.how === 'hang') return `sleep 600 & echo $! >> ${quoted(children)}; wait`;
  return `printf '%s' ${quoted(lfsQuotaText(mount, quota))}; exit ${quota.how === 'unsure-usage' ? 1 : 0}`;
}

/** One word of a shell script. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function lines(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
}
