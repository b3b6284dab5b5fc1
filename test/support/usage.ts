/** Figures of a few lines, for tests of products. */
import assert from 'node:assert/strict';
import { type BaseDirectorySource, createBaseDirectories } from '../../domain/storage/base-directories.ts';
import { defaultFileTypes } from '../../domain/storage/file-types.ts';
import { type UsageFigures, type UsageOptions, UsageProducts } from '../../domain/storage/products/usage.ts';
import type { PseudoGroup } from '../../domain/storage/pseudo-groups.ts';
import { StatLines } from '../../domain/storage/stat-lines.ts';

type Figures = { [Name in keyof UsageFigures]: NonNullable<UsageFigures[Name]> };
type Options = Partial<Omit<UsageOptions, 'baseDirectories'>> & { source?: BaseDirectorySource; pseudoGroups?: PseudoGroup[]; mount?: string };

/** `lines`: columns with a space between them. Times after 1000 are set to it. */
export function figuresOf(lines: readonly string[], options: Options = {}): Figures {
  const { source = { kind: 'pairs', pairs: [] }, pseudoGroups = [], mount = '/l', ...rest } = options;
  const scannedAt = options.scannedAt ?? 1000;
  const usage = new UsageProducts({
    baseDirectories: createBaseDirectories(source, pseudoGroups, mount),
    hardLinks: 'once',
    alias: (directory) => directory,
    scannedAt,
    fileTypes: defaultFileTypes,
    products: new Set(['groups', 'users', 'directories', 'ages'] as const),
    ...rest,
  });
  const reader = new StatLines([usage], { scannedAt, size: 'recorded', onReject: (line, reason) => assert.fail(`${line}: ${reason}`) });
  reader.push(Buffer.from(lines.map((line) => `${line.replaceAll(' ', '\t')}\n`).join('')));
  reader.end();
  const { totals, groups, users, directories, ages, baseDirectories } = usage.finish();
  return { baseDirectories, totals, groups: groups ?? [], users: users ?? [], directories: directories ?? [], ages: ages ?? [] };
}
