/** What a pass yields, by the slow and obvious reader: figures as people see them, vaults, and splits. */
import fc from 'fast-check';
import { pathText } from '../../domain/storage/path-text.ts';
import { type RandomEntry, scannedAt } from './random-scan.ts';
import { agesSlowly, directoriesSlowly, groupsSlowly, type OracleOptions, readSlowly, totalsSlowly, usersSlowly } from './scan-oracle.ts';
import { vaultKey } from './vault.ts';

/** File types by label, as patterns of names. */
export const patterns: Record<'default' | 'lurge', Record<string, RegExp>> = {
  default: {
    SAM: /\.sam(\.gz)?$/i, BAM: /\.bam(\.gz)?$/i, FASTQ: /\.(fastq|fq)$/i, 'FASTQ (gzip)': /\.(fastq|fq)\.gz$/i, CRAM: /\.cram(\.gz)?$/i,
    VCF: /\.(vcf|bcf|gvcf)$/i, 'VCF (gzip)': /\.(vcf|bcf|gvcf)\.gz$/i, PEDBED: /\.(ped|bed)(\.gz)?$/i,
  },
  // storage.md 16, to the letter.
  lurge: {
    SAM: /\.(sam)(\.gz)?$/, BAM: /\.(bam)(\.gz)?$/, FASTQ: /\.(fastq)$/, 'FASTQ (gzip)': /\.(fastq)(\.gz)$/, CRAM: /\.(cram)(\.gz)$/,
    VCF: /\.(vcf|bcf|gvcf)$/, 'VCF (gzip)': /\.(vcf|bcf|gvcf)(\.gz)$/, PEDBED: /\.(ped|bed)(\.gz)?$/,
  },
};

export interface View {
  types: Record<string, RegExp>;
  /** A path as people know it. */
  alias: (path: string) => string;
}

const asIs: View = { types: patterns.default, alias: (path) => path };
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const textOf = (path: string): string => pathText(Buffer.from(path, 'latin1'));
const added = (a: string, b: string): string => String(BigInt(a) + BigInt(b));

/** Rows of one group and name are one row. */
function joined<T extends { gid: number; baseDirectory: string; directory?: string }>(rows: T[], { alias }: View, join: (a: T, b: T) => T): T[] {
  const named = rows.map((row) => ({ ...row, baseDirectory: alias(textOf(row.baseDirectory)), ...(row.directory === undefined ? {} : { directory: textOf(row.directory) }) }));
  return [...Map.groupBy(named, ({ gid, baseDirectory, directory }) => JSON.stringify([gid, baseDirectory, directory])).values()]
    .map((same) => same.reduce(join))
    .sort((a, b) => a.gid - b.gid || byText(a.baseDirectory, b.baseDirectory) || byText(a.directory ?? '', b.directory ?? ''));
}

/** Totals, groups, users, directories and ages of a scan. */
export function figuresSlowly(scan: Buffer, options: OracleOptions, view: View = asIs): Record<'totals' | 'groups' | 'users' | 'directories' | 'ages', unknown> {
  const records = readSlowly(scan, options);
  const bands = (a: { bytes: string[]; files: number[] }, b: typeof a): typeof a => ({ bytes: a.bytes.map((bytes, band) => added(bytes, b.bytes[band]!)), files: a.files.map((files, band) => files + b.files[band]!) });
  return {
    totals: totalsSlowly(records, options),
    groups: joined(groupsSlowly(records, options), view, (a, b) => ({ ...a, bytes: added(a.bytes, b.bytes), entries: a.entries + b.entries, files: a.files + b.files, newest: Math.max(a.newest, b.newest) })),
    users: usersSlowly(records, options).sort((a, b) => a.uid - b.uid || a.gid - b.gid),
    directories: joined(directoriesSlowly(records, options, view.types), view, (a, b) => ({
      ...a, bytes: added(a.bytes, b.bytes), files: a.files + b.files, newest: Math.max(a.newest, b.newest), types: Object.entries(b.types).reduce((types, [label, bytes]) => ({ ...types, [label]: added(types[label] ?? '0', bytes) }), a.types),
    })),
    ages: joined(agesSlowly(records, options), view, (a, b) => ({ ...a, access: bands(a.access, b.access), modification: bands(a.modification, b.modification) })),
  };
}

const branches = ['keep', 'archive', '.staged', '.limbo', '.stash'];

/** Lines of the vault's figures, in no order, and how many entries of vault folders are of no vault. */
export function vaultSlowly(scan: Buffer, options: OracleOptions, { alias }: View = asIs): { figures: unknown[]; foreign: number } {
  const records = readSlowly(scan, options);
  const found: { record: (typeof records)[number]; branch: string; keyInode: bigint; root: string; marked: string }[] = [];
  let foreign = 0;
  for (const record of records) {
    const parts = record.path.split('/');
    const at = parts.slice(0, -1).indexOf('.vault');
    if (at < 0 || record.type === 'd') continue;
    const [branch, ...key] = parts.slice(at + 1);
    const [, inode, encoded] = /^([\da-f]+)-(.+)$/u.exec(key.join('')) ?? [];
    const path = Buffer.from(encoded ?? '', 'base64').toString('latin1');
    const isKey = record.type === 'f' && inode !== undefined && branches.includes(branch!) && key.join('/') === vaultKey(BigInt(`0x${inode}`), path);
    const root = parts.slice(0, at).join('/');
    if (isKey && record.links > 0n) found.push({ record, branch: branch!, keyInode: BigInt(`0x${inode}`), root, marked: `${root}/${path}` });
    if (!isKey && (record.type !== 'f' || parts.slice(at + 1).join('/') !== '.audit')) foreign++;
  }
  const outside = records.filter(({ path, type, links }) => type === 'f' && links > 1n && !path.split('/').slice(0, -1).includes('.vault'));
  const figures = found.map(({ record, branch, keyInode, root, marked }) => {
    const now = outside.filter(({ inode }) => inode === record.inode).map(({ path }) => path).sort();
    const moved = now.length > 0 && !now.includes(marked);
    return {
      inode: String(record.inode), branch, uid: record.uid, gid: record.gid, bytes: String(record.size), links: Number(record.links), mtime: record.mtime,
      root: alias(textOf(root || '/')), markedPath: alias(textOf(marked)), path: alias(textOf(moved ? now[0]! : marked)), moved, gone: now.length === 0 && (branch === 'keep' || branch === 'archive'),
      ...(keyInode === record.inode ? {} : { keyInode: String(keyInode) }),
      alsoIn: branches.filter((other) => other !== branch && found.some((each) => each.record.inode === record.inode && each.branch === other)),
    };
  });
  return { figures, foreign };
}

/** What tree servers get, by gid: eleven columns of the first era. */
export function splitSlowly(entries: readonly RandomEntry[]): Map<number, string> {
  const texts = new Map<number, string>();
  for (const each of entries) {
    const path = Buffer.from(`/${each.parts.join('/')}`, 'latin1').toString('base64');
    const columns = [each.size, each.uid, each.gid, each.atime, each.mtime, each.ctime, each.type, each.inode, each.links, 907_573_372];
    texts.set(each.gid, `${texts.get(each.gid) ?? ''}${path}\t${columns.join('\t')}\n`);
  }
  return new Map([...texts].sort(([a], [b]) => a - b));
}

export const anyOptions: fc.Arbitrary<OracleOptions> = fc.record({
  scannedAt: fc.constant(scannedAt),
  size: fc.constantFrom('recorded', 'apparent'),
  hardLinks: fc.constantFrom('once', 'once', 'divide'),
  mount: fc.constantFrom('/lustre/v1', '/', '/lustre/v2'),
  baseDirectories: fc.constantFrom<OracleOptions['baseDirectories'][]>(
    {
      kind: 'pairs',
      pairs: [
        { gid: 100, directory: '/lustre/v1/a' }, { gid: 100, directory: '/lustre/v1/a/b' }, { gid: 200, directory: '/lustre/v1/a' }, { gid: 200, directory: '/lustre/v1/proj' },
        { gid: 0, directory: '/' }, { gid: 2 ** 32 - 1, directory: '/lustre/v1/é' }, { gid: 100, directory: '/lustre/v1/x y/"q"' }, { gid: 0, directory: '/lustre/v1/users' },
      ],
    },
    { kind: 'pairs', pairs: [] },
    { kind: 'computed', minimumDepth: 2, rules: [] },
    { kind: 'computed', minimumDepth: 3, rules: [] },
    { kind: 'computed', minimumDepth: 4, rules: [{ prefix: '/lustre/v1/mdt', minimumDepth: 5 }, { prefix: '/lustre/v1/a', minimumDepth: 3 }, { prefix: '/lustre', minimumDepth: 4 }] },
    { kind: 'computed', minimumDepth: 2, rules: [{ prefix: '/lustre/v1/a/b', minimumDepth: 4 }] },
  ),
  pseudoGroups: fc.constantFrom([], [{ prefix: '/lustre/v1/b', gid: -1 }, { prefix: '/lustre/v1/a/b', gid: -1 }, { prefix: '/lustre/v1/a/b/c', gid: -2 }]),
});
