import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { StorageConfig } from '../../config/schema.ts';
import { OperationError, type Problem } from '../../domain/errors.ts';
import {
  limitsOnMount,
  parseLfsQuota,
  quotaRow,
  readQuotasByGid,
  readQuotasByGroup,
  type LfsAnswer,
  type QuotaLimits,
  type QuotaRow,
  type QuotaTable,
} from '../../domain/storage/quota.ts';
import type { Hooks } from '../platform/activity.ts';
import { writeFileAtomic } from '../platform/files/atomic.ts';
import { fileError, systemErrorCode } from '../platform/files/file-error.ts';
import { run } from '../platform/processes/run.ts';

export interface QuotaQuestion {
  volume: string;
  mount: string;
  /** The day on which the question is asked, YYYY-MM-DD: it is kept with the answer. */
  date: string;
  /** A negative gid is a pseudo-group: it has no quota and is not asked for. */
  groups: { gid: number; name: string | null }[];
}

/** After every group: how many are done, of how many. */
export type QuotaHooks = Hooks<{ done: number; total: number }>;

interface Group {
  gid: number;
  name: string | null;
}

/** A place to ask for quotas. `ask` returns null when it does not know the group; what stays unknown, `notes` explains. */
interface QuotaSource {
  readonly name: 'lfs' | 'csv';
  ask(group: Group): Promise<QuotaLimits | null>;
  notes(): string[];
}

/**
 * Quotas of a volume's groups: for each the configured sources in their order, until one knows it. A group that none knows has no
 * row. Nothing that a source lacks or does wrong is an error here, it goes into the note. Rejects only when cancelled.
 */
export async function fetchQuotas(config: StorageConfig, input: QuotaQuestion, hooks: QuotaHooks = {}): Promise<QuotaTable> {
  const groups = input.groups.filter(({ gid }) => gid >= 0);
  const sources: QuotaSource[] = [];
  for (const name of config.quotas.sources) {
    if (name === 'lfs') sources.push(lfsSource(config, input, hooks.signal));
    else if (config.quotas.csv !== undefined) sources.push(await csvSource(config.quotas.csv.path, input));
  }
  const rows = new Map<number, QuotaRow>();
  let done = 0;

  async function askAll(queue: Iterator<Group>): Promise<void> {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      for (const source of sources) {
        const limits = await source.ask(next.value);
        if (limits === null) continue;
        rows.set(next.value.gid, quotaRow(next.value.gid, limits, source.name, input.date));
        break;
      }
      hooks.onProgress?.({ done: ++done, total: groups.length });
    }
  }

  hooks.signal?.throwIfAborted();
  const queue = groups.values();
  const askers = await Promise.allSettled(Array.from({ length: config.quotas.lfs.parallel }, () => askAll(queue)));
  for (const asker of askers) if (asker.status === 'rejected') throw asker.reason;

  const unknown = groups.length - rows.size;
  const notes = sources.flatMap((source) => source.notes());
  if (unknown > 0 && sources.length > 0) notes.unshift(`Unknown quotas: ${unknown} of ${groups.length} groups.`);
  return { rows: [...rows.values()].sort((a, b) => a.gid - b.gid), note: notes.length === 0 ? null : notes.join(' ') };
}

/** So many questions in a row without an answer, and `lfs` is asked no more: a dead server would cost a time-out a group. */
const silenceAllowed = 8;

function lfsSource(config: StorageConfig, input: QuotaQuestion, signal: AbortSignal | undefined): QuotaSource {
  const { command, timeoutSeconds } = config.quotas.lfs;
  const failures = new Failures();
  let silent = 0;
  let gaveUp: string | null = null;

  async function answer(group: Group): Promise<LfsAnswer> {
    // The name is what `lfs` documents; a number in its place is taken too.
    const result = await run(command, ['quota', '-q', '-g', group.name ?? String(group.gid), input.mount], { signal, timeoutMs: timeoutSeconds * 1000 });
    const parsed = parseLfsQuota(result.stdout);
    // Newer clients end badly and still print what is certain. Without numbers, the complaint is the reason.
    const complaint = result.stderr.trim().split('\n').at(-1)?.slice(0, 200);
    return 'unknown' in parsed && result.code !== 0 && complaint ? { unknown: complaint } : parsed;
  }

  return {
    name: 'lfs',
    async ask(group) {
      if (gaveUp !== null) return null;
      try {
        const reply = await answer(group);
        silent = 0;
        if ('limits' in reply) return reply.limits;
        failures.add(group, reply.unknown);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof OperationError)) throw error;
        failures.add(group, error.message);
        // No program: it will not appear between two groups. No answer: perhaps the next group is luckier.
        if (error.type !== 'ExternalToolFailed') gaveUp = error.message;
        else if (++silent >= silenceAllowed) gaveUp = `${command} did not answer ${silent} times in a row and was asked no more.`;
      }
      return null;
    },
    notes: () => (gaveUp !== null ? [gaveUp] : failures.note(command)),
  };
}

async function csvSource(path: string, input: QuotaQuestion): Promise<QuotaSource> {
  const { lookup, notes } = await csvLookup(path, input);
  return { name: 'csv', ask: async (group) => lookup(group), notes: () => notes };
}

interface CsvLookup {
  lookup: (group: Group) => QuotaLimits | null;
  notes: string[];
}

/** A file is the site-wide one, a directory the quota repository. */
async function csvLookup(path: string, input: QuotaQuestion): Promise<CsvLookup> {
  try {
    if (!(await stat(path)).isDirectory()) {
      const file = readQuotasByGid(await readFile(path, 'utf8'), path);
      const byGid = limitsOnMount(file, input.mount);
      return { lookup: ({ gid }) => byGid.get(gid) ?? null, notes: rejectedNote(file.rejected) };
    }
    const volumeFile = await fileOfVolume(path, input.volume);
    const file = readQuotasByGroup(await readFile(volumeFile, 'utf8'), volumeFile);
    const byGroup = new Map(file.entries.map(({ key, limits }) => [key, limits]));
    return { lookup: ({ name }) => (name === null ? null : (byGroup.get(name) ?? null)), notes: rejectedNote(file.rejected) };
  } catch (error) {
    const known = fileError(error, `read the quotas in ${path} (storage.quotas.csv.path)`, path);
    if (!(known instanceof OperationError)) throw known;
    return { lookup: () => null, notes: [known.message] };
  }
}

/** A volume's file in the quota repository: `scratch117`, or `scratch117.csv`. */
async function fileOfVolume(directory: string, volume: string): Promise<string> {
  const plain = join(directory, volume);
  try {
    if ((await stat(plain)).isFile()) return plain;
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
  return `${plain}.csv`;
}

function rejectedNote(rejected: readonly Problem[]): string[] {
  const [first] = rejected;
  if (first === undefined) return [];
  return [rejected.length === 1 ? `A line of quotas was not used: ${first.message}` : `${rejected.length} lines of quotas were not used; the first: ${first.message}`];
}

/** Groups without an answer: how many, and an example. */
class Failures {
  #count = 0;
  #first = '';

  add(group: Group, reason: string): void {
    if (this.#count++ === 0) this.#first = `${group.name ?? `gid:${group.gid}`} (${reason.replace(/\.$/, '')})`;
  }

  note(command: string): string[] {
    if (this.#count === 0) return [];
    return [`${command} had no answer for ${this.#first}${this.#count === 1 ? '' : ` and ${this.#count - 1} more`}.`];
  }
}

const limitText = z.string().regex(/^\d+$/).nullable();

const tableSchema = z.strictObject({
  rows: z.array(
    z.strictObject({
      gid: z.int(),
      blocksSoft: limitText,
      blocksHard: limitText,
      inodesSoft: limitText,
      inodesHard: limitText,
      source: z.enum(['lfs', 'csv']),
      date: z.string(),
      unlimited: z.boolean(),
    }),
  ),
  note: z.string().nullable(),
});

/** Keeps the table for the steps that follow. */
export async function writeQuotas(path: string, table: QuotaTable): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(table));
}

/** Reads what `writeQuotas` wrote. Throws `IntermediateLost` when it is gone or is not that: quotas have to be fetched again. */
export async function readQuotas(path: string): Promise<QuotaTable> {
  try {
    return tableSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    const gone = systemErrorCode(cause) === 'ENOENT';
    if (!gone && !(cause instanceof SyntaxError) && !(cause instanceof z.ZodError)) throw fileError(cause, `read ${path}`, path);
    throw new OperationError('IntermediateLost', `The quotas in ${path} ${gone ? 'are gone' : 'cannot be read'}; they have to be fetched again.`, { place: { file: path }, cause });
  }
}
