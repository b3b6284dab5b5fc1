/**
 * What `npm test` consists of, in the order in which it starts: the quick, then the long ones first. A test file belongs to
 * the tier that names its folder below test/.
 */
import { globSync } from 'node:fs';
import { sep } from 'node:path';

export type Service = 'mariadb' | 'slapd' | 'temporal';

export interface CommandTier {
  name: string;
  /** A script of node_modules and its arguments; counts as one test. */
  script: [file: string, ...args: string[]];
}

export interface MochaTier {
  name: string;
  folders: string[];
  /** Servers without which its tests cannot run. */
  needs: Service[];
}

export type Tier = CommandTier | MochaTier;

export const tiers: Tier[] = [
  { name: 'lint', script: ['oxlint/bin/oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'types', script: ['typescript/bin/tsc', '-p', 'tsconfig.json'] },
  { name: 'unit', folders: ['domain', 'config', 'docs'], needs: [] },
  { name: 'workflows', folders: ['workflows', 'workers', 'schedules'], needs: ['temporal'] },
  { name: 'faults', folders: ['faults'], needs: ['mariadb', 'slapd', 'temporal'] },
  { name: 'client', folders: ['client', 'web'], needs: ['temporal'] },
  { name: 'infra', folders: ['infra', 'bench'], needs: ['mariadb', 'temporal'] },
  { name: 'activities', folders: ['activities', 'support'], needs: ['mariadb', 'slapd', 'temporal'] },
  { name: 'replay', folders: ['replay', 'house'], needs: [] },
];

/** Every test file below `root`, by the tier it belongs to; `stray` holds those of no tier. */
export function testFiles(all: readonly Tier[], root: string): { byTier: Map<string, string[]>; stray: string[] } {
  const byTier = new Map(all.flatMap((tier) => ('folders' in tier ? [[tier.name, [] as string[]]] : [])));
  const stray: string[] = [];
  for (const file of globSync('test/**/*.test.ts', { cwd: root }).toSorted()) {
    const folder = file.split(sep)[1] ?? '';
    const tier = all.find((each) => 'folders' in each && each.folders.includes(folder));
    (byTier.get(tier?.name ?? '') ?? stray).push(file);
  }
  return { byTier, stray };
}
