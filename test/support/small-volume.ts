/** Small random volumes for the comparison with the original, and our rows of them. */
import fc from 'fast-check';
import { createBaseDirectories } from '../../domain/storage/base-directories.ts';
import type { ComparedDirectoryRow } from '../../domain/storage/comparison-directories.ts';
import type { GroupFacts } from '../../domain/storage/comparison-groups.ts';
import type { ComparedVaultRow } from '../../domain/storage/comparison-vault.ts';
import { forecast } from '../../domain/storage/forecast.ts';
import { defaultFileTypes } from '../../domain/storage/file-types.ts';
import { UsageProducts } from '../../domain/storage/products/usage.ts';
import { lastModifiedDays, type ReportRow } from '../../domain/storage/report-row.ts';
import { StatLines } from '../../domain/storage/stat-lines.ts';
import { thresholdPresets } from '../../domain/storage/thresholds.ts';
import type { UserRow } from '../../domain/storage/user-row.ts';
import { noFaults, originalDirectoryFigures, originalVaultRows, vaultPath, type OriginalSite, type StatEntry } from './original-lurge.ts';
import { sampleRow } from './report-rows.ts';

export const volume = 'scratch117';
export const recordDate = '2022-06-14';
const statsTime = Date.parse('2022-06-14T20:00:00Z') / 1000;
const gibibyte = 2n ** 30n;

/** gid 30 and uid 2 are in no directory; gid 10 has base directories of which one is the beginning of the other. */
export const site: OriginalSite = {
  mount: '/lustre/v1',
  pairs: [
    { gid: 10, directory: '/lustre/v1/proj' }, { gid: 10, directory: '/lustre/v1/project2' }, { gid: 20, directory: '/lustre/v1/mdt1/t' }, { gid: 20, directory: '/lustre/v1/mdt2/t' },
    { gid: 30, directory: '/lustre/v1/proj' },
  ],
  groups: new Map([[10, { name: 'ten', pi: 'Smith' }], [20, { name: 'twenty', pi: null }]]),
  users: new Map([[0, 'root'], [1, 'ann']]),
  pseudoGroups: [{ prefix: '/lustre/v1/proj/special', gid: -1, name: 'special-1' }],
  alias: (path) => path.replace(/^\/lustre\/v1\/mdt[0-9]\/t(?=\/|$)/u, '/lustre/v1/t'),
  quotas: new Map(),
  statsTime,
  now: statsTime + 7200,
  secondsEastOfUtc: 6 * 3600,
};

export interface VolumeOptions {
  /** Sizes in whole GiB, as the original can keep them. */
  wholeGibibytes?: boolean;
  links?: boolean;
  future?: boolean;
  sizes?: fc.Arbitrary<bigint>;
  /** Lines before the random ones, all of one directory. */
  filler?: number;
}

const base = fc.constantFrom('proj', 'proj', 'project2', 'project3', 'mdt1/t', 'mdt2/t');
const name = fc.constantFrom('a', 'b', 'users', 'projects', 'special', 'ann', 'x.bam', 'y.cram', 'z_1');

/** A pseudo-group is a directory, and has what lies in it. */
const prefixes = new Set(site.pseudoGroups.map(({ prefix }) => prefix));

/** Entries of a volume: an inode's links are all there, and have one owner. */
export function smallVolume({ wholeGibibytes = true, links = true, future = false, sizes, filler = 0 }: VolumeOptions = {}): fc.Arbitrary<StatEntry[]> {
  const size = sizes ?? (wholeGibibytes ? fc.bigInt({ min: 0n, max: 4000n }).map((each) => each * gibibyte) : fc.bigInt({ min: 0n, max: 2000n * gibibyte }));
  const inode = fc.record({
    places: fc.array(fc.tuple(base, fc.array(name, { minLength: 1, maxLength: 4 })), { minLength: 1, maxLength: links ? 3 : 1 }),
    type: fc.constantFrom<StatEntry['type']>('f', 'f', 'f', 'f', 'd', 'l'),
    size,
    uid: fc.constantFrom(0, 1, 2),
    gid: fc.constantFrom(10, 10, 20, 30),
    mtime: future ? fc.integer({ min: statsTime - 86400 * 3, max: statsTime + 86400 * 900 }) : fc.integer({ min: 1_400_000_000, max: statsTime - 1 }),
  });
  const fillers = Array.from({ length: filler }, (_, index): StatEntry => ({ path: `/lustre/v1/proj/filler/${index}`, size: gibibyte, uid: 1, gid: 10, mtime: 1_500_000_000, type: 'f', inode: 1_000_000n + BigInt(index), links: 1n }));
  return fc.array(inode, { minLength: 1, maxLength: 12 }).map((inodes) => {
    const taken = new Set<string>();
    return [
      ...fillers,
      ...inodes.flatMap(({ places, type, ...rest }, index) => {
        const wanted = type === 'd' ? places.slice(0, 1) : places;
        const paths = wanted.map(([first, names]) => `/lustre/v1/${first}/${names.join('/')}`).filter((path) => !prefixes.has(path) && !taken.has(path) && taken.add(path));
        return paths.map((path): StatEntry => ({ ...rest, path, type, inode: BigInt(index + 1), links: BigInt(type === 'd' ? 2 : paths.length) }));
      }),
    ];
  });
}

/** Files in a vault, each with the link that it keeps and the file itself. */
export const smallVault: fc.Arbitrary<StatEntry[]> = fc
  .array(
    fc.record({
      branches: fc.uniqueArray(fc.constantFrom('keep', 'archive', '.stash'), { minLength: 1, maxLength: 2 }),
      file: fc.array(fc.constantFrom('a', 'my_file', 'what?', 'ÿ', '~>?', 'data_1.bam'), { minLength: 1, maxLength: 3 }),
      size: fc.bigInt({ min: 0n, max: 10n ** 12n }),
      uid: fc.constantFrom(0, 1, 2),
      gid: fc.constantFrom(10, 30),
      mtime: fc.integer({ min: 1_400_000_000, max: statsTime - 1 }),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((files) =>
    files.flatMap(({ branches, file, ...rest }, index) => {
      const inode = BigInt(index + 1);
      const relative = `${index}/${file.join('/')}`;
      return branches.map((branch): StatEntry => ({ ...rest, path: vaultPath('/lustre/v1/proj', branch, inode, relative), type: 'f', inode, links: 2n }));
    }),
  );

export interface OurRows {
  facts: GroupFacts;
  groups: ReportRow[];
  users: UserRow[];
  directories: ComparedDirectoryRow[];
  vault: ComparedVaultRow[];
}

const groupName = (gid: number): string => site.groups.get(gid)?.name ?? site.pseudoGroups.find((pseudo) => pseudo.gid === gid)?.name ?? `gid:${gid}`;
const userName = (uid: number): string => site.users.get(uid) ?? `uid:${uid}`;
const dayOf = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);

/** What our products make of a volume, with the names and quotas of `site`. */
export function ourRows(entries: readonly StatEntry[], quotas: ReadonlyMap<number, bigint> = new Map()): OurRows {
  const usage = new UsageProducts({
    baseDirectories: createBaseDirectories({ kind: 'pairs', pairs: site.pairs }, site.pseudoGroups, site.mount),
    hardLinks: 'once',
    alias: site.alias,
    scannedAt: statsTime,
    fileTypes: defaultFileTypes,
    products: new Set(['groups', 'users'] as const),
  });
  const reader = new StatLines([usage], { scannedAt: statsTime, size: 'recorded', onReject: (line, reason) => { throw new Error(`${line}: ${reason}`); } });
  for (const { path, size, uid, gid, mtime, type, inode, links } of entries) {
    reader.push(Buffer.from(`${[JSON.stringify(path), size, uid, gid, mtime, mtime, mtime, type, inode, links, 9].join('\t')}\n`));
  }
  reader.end();
  const { totals, groups, users } = usage.finish();
  const settings = { days: [3, 7], method: 'robust', points: 10, windowDays: 60, thresholds: thresholdPresets.documented } as const;
  return {
    facts: { mount: site.mount, lines: entries.length, scannedAt: statsTime, hardLinks: 'once', hardLinkedBytes: BigInt(totals.hardLinkedBytesSkipped), horizons: [3, 7], thresholds: thresholdPresets.documented },
    groups: (groups ?? []).map((row) => {
      const quota = quotas.get(row.gid) ?? null;
      const { predictions, level } = forecast({ today: recordDate, current: { date: recordDate, used: BigInt(row.bytes) }, history: [], quota }, settings);
      return sampleRow({
        volume, recordDate, quota, level, quotaDate: recordDate, gid: row.gid, group: groupName(row.gid), nameKnown: !groupName(row.gid).startsWith('gid:'), pi: site.groups.get(row.gid)?.pi ?? null,
        baseDirectory: row.baseDirectory, used: BigInt(row.bytes), files: BigInt(row.files), inodes: BigInt(row.entries), lastModifiedDays: lastModifiedDays(statsTime, row.newest),
        predictions: [predictions[0]!.bytes, predictions[1]!.bytes],
      });
    }),
    users: (users ?? []).map((row) => ({
      volume, recordDate, user: userName(row.uid), uid: row.uid, nameKnown: site.users.has(row.uid), group: groupName(row.gid), gid: row.gid, groupKnown: site.groups.has(row.gid),
      used: BigInt(row.bytes), files: BigInt(row.files), inodes: BigInt(row.entries), lastModified: dayOf(row.newest),
    })),
    // Not our product's: it counts an inode for the types of all its names, the original for that of the link it meets.
    directories: originalDirectoryFigures([...entries], site, noFaults).map(({ gid, ...row }) => ({ ...row, gid, group: groupName(gid), lastModifiedDays: lastModifiedDays(statsTime, row.newest) })),
    vault: originalVaultRows([...entries], site, noFaults).map(({ path, bytes, inode, user, ...row }) => ({
      ...row, markedPath: path, size: bytes!, inode: String(inode), user: user!, nameKnown: site.users.has(row.uid), groupKnown: site.groups.has(row.gid), recordDate,
    })),
  };
}
