import path from 'node:path';
import type { VaultSummary } from '../../../domain/storage/vault-row.ts';
import type { LineCounts, Totals } from '../../../domain/storage/usage.ts';
import { fileError } from '../../platform/files/file-error.ts';
import { digestOf, writeRows } from './figures.ts';
import type { EngineUsed } from './scan-file.ts';
import { passFile, vaultFile, type PassHooks, type PassOptions } from './pass-file.ts';

/** Products whose rows a pass holds in memory, and writes at its end. */
const rowProducts = ['groups', 'users', 'directories', 'ages'] as const;
export type RowProduct = (typeof rowProducts)[number];

export const figureFile = (product: RowProduct): string => `${product}.ndjson`;
export const rejectedFile = 'rejected.jsonl';

/** A pass whose figures are in files. */
export interface WrittenPass {
  totals: Totals;
  lines: LineCounts;
  /** Groups with at least one entry; null when nobody asked for groups. */
  groups: number | null;
  vault: VaultSummary | null;
  /** Base directories as the scan has them, not as people see them. */
  baseDirectories: { gid: number; directory: string }[];
  /** SHA-256 by name of the file. The split's files have checksums of their own. */
  files: Record<string, string>;
  seconds: number;
  engine: EngineUsed;
}

/** What the split's `split.json` holds. */
export const splitFile = 'split.json';

/** `passFile`, with its figures and rejected lines written into `directory`, which must exist and hold none. Throws what `passFile` throws, and `StorageFull`. */
export async function writePass(options: PassOptions, directory: string, hooks: PassHooks): Promise<WrittenPass> {
  const rejected = path.join(directory, rejectedFile);
  const result = await passFile({ ...options, quarantine: rejected, work: directory }, hooks);
  try {
    const files: Record<string, string> = { [rejectedFile]: await digestOf(rejected) };
    for (const product of rowProducts) {
      const rows = result[product];
      if (rows !== null) files[figureFile(product)] = writeRows(path.join(directory, figureFile(product)), rows);
    }
    const { totals, lines, seconds, groups, vault, split, engine, baseDirectories } = result;
    if (vault !== null) files[vaultFile] = await digestOf(path.join(directory, vaultFile));
    if (split !== null) files[splitFile] = writeRows(path.join(directory, splitFile), split);
    return { totals, lines, groups: groups === null ? null : new Set(groups.map((row) => row.gid)).size, vault, baseDirectories, files, seconds, engine };
  } catch (error) {
    throw fileError(error, `write the figures of ${options.volume} in ${directory}`, directory);
  }
}
