/**
 * The tree of one volume, told entry by entry in the byte order of paths (directories as `name/`). Nothing is kept: every
 * fact follows from the seed and the place in the tree, so that entries can be skipped, and two scans of a volume agree.
 */
import { hashText, mix, type Population, type Project, projectsOf } from './population.ts';

export interface TreeOptions extends Population {
  seed: number;
  volume: string;
  /** Mount point, `/lustre/scratch117`. */
  mount: string;
  /** Entries without growth. At least a few hundred. */
  lines: number;
  /** Unix seconds. */
  scannedAt: number;
  /** Factor by which growing projects (a third) have more than `lines` gives them; 1 for none. */
  growth: number;
}

/** A directory that entries lie in. */
export interface Directory {
  /** Bytes, one a character, with trailing slash. */
  path: string;
  /** For whoever writes the path: an encoding of it, made once. */
  encoded?: Uint8Array;
}

/** One entry. The walk uses one object for all of them. */
export interface Entry {
  directory: Directory;
  /** Bytes, one a character. Empty for the directory itself. */
  name: string;
  type: 'f' | 'd' | 'l' | 's' | 'F';
  size: number;
  apparentSize: number;
  uid: number;
  gid: number;
  atime: number;
  mtime: number;
  ctime: number;
  /** Beyond 2^53, as on Lustre. A number stands for `firstInode` and so many more. */
  inode: number | bigint;
  links: number;
  /** False for what a link counted before, and for an entry without links. */
  counts: boolean;
}

export type Visit = (entry: Entry) => void;

// No stem begins another, so that series sort as their stems do.
const directoryStems = ['analysis_freeze_2024_', 'batch_of_samples_', 'chunk_by_region_', 'joint_calling_run_', 'lane_demultiplexed_', 'plate_imaging_set_'];
const fileStems = ['EGAN00001', 'SAMEA1099', 'barcode_corrected_', 'cluster_assignment_', 'haplotypes_phased_', 'matrix_filtered_', 'sample_GRCh38_full_', 'tile_registered_', 'variants_annotated_'];
/** Extensions of one series, in byte order. */
const extensions = [['.cram', '.cram.crai'], ['.g.vcf.gz', '.g.vcf.gz.tbi'], ['.fastq.gz'], ['.bam', '.bam.bai', '.bam.md5'], ['.h5ad'], ['.log'], ['.txt'], ['.tiff'], ['.tsv.gz']];
/** Names that people should not give but do; all sort behind the stems. */
const oddNames = ['~a b.bam', '~new\nline', '~quote"d', '~back\\slash', '~tab\there', '~caf\xc3\xa9', '~latin1 \xe9\xff', '~zero\xe2\x80\x8bwidth', '~esc\x1b[31mred'];
const sortedOddNames = oddNames.toSorted((a, b) => (a < b ? -1 : 1));

/** First of 10^11 inodes of 18 digits. */
export const firstInode = 144_115_200_000_000_000n;

const daySeconds = 86_400;
const firstMtime = 1_500_000_000;
const mtimeSpan = 285_000_000;

/** Files of a group of projects that have links in two of them. */
const sharedFiles = 3;
const vaultedFiles = 4;
/** Entries that a project must have to have such files too. */
const roomForShared = 60;
const roomForVault = 120;

/** Yields now and then, after at most a hundred entries, so that the caller can do what takes time. */
export function walkTree(options: TreeOptions, visit: Visit): Generator<void> {
  return new Walk(options, visit).volume();
}

/** Base directories of a volume's projects, one pair a project and group. */
export function baseDirectoriesOf(seed: number, volume: string, mount: string, population: Population = {}): { gid: number; directory: string }[] {
  return projectsOf(seed, volume, population).map((project) => ({ gid: project.group.gid, directory: `${mount}/${project.path}` }));
}

interface Folder {
  name: string;
  folders: Map<string, Folder>;
  project?: Project;
}

class Walk {
  private readonly options: TreeOptions;
  private readonly visit: Visit;
  private readonly site: number;
  private readonly projects: readonly Project[];
  private readonly budgets = new Map<Project, number>();
  private readonly top: Folder = { name: '', folders: new Map() };
  private readonly entry: Entry = { directory: { path: '/' }, name: '', type: 'd', size: 0, apparentSize: 0, uid: 0, gid: 0, atime: 0, mtime: 0, ctime: 0, inode: 0, links: 1, counts: true };
  private project!: Project;

  constructor(options: TreeOptions, visit: Visit) {
    this.options = options;
    this.visit = visit;
    this.site = mix(hashText(options.volume), options.seed);
    this.projects = projectsOf(options.seed, options.volume, options);
    let folders = 1;
    for (const project of this.projects) {
      let folder = this.top;
      for (const name of project.path.split('/')) {
        let next = folder.folders.get(name);
        if (next === undefined) {
          folder.folders.set(name, (next = { name, folders: new Map() }));
          folders++;
        }
        folder = next;
      }
      folder.project = project;
    }
    this.share(options.lines - folders);
  }

  volume(): Generator<void> {
    return this.folder(this.top, { path: `${this.options.mount}/` }, this.site);
  }

  /** Deals `lines` to the projects by weight, to the last one. */
  private share(lines: number): void {
    let left = Math.max(0, lines);
    let weights = this.projects.reduce((sum, project) => sum + project.weight, 0);
    for (const project of this.projects) {
      const budget = Math.min(left, Math.round((left * project.weight) / weights));
      this.budgets.set(project, budget);
      left -= budget;
      weights -= project.weight;
    }
  }

  private *folder(folder: Folder, directory: Directory, seed: number): Generator<void> {
    if (folder.project !== undefined) {
      yield* this.projectTree(folder.project, directory, seed);
      return;
    }
    this.folderEntry(directory, seed, 0, 0);
    for (const name of [...folder.folders.keys()].sort((a, b) => (`${a}/` < `${b}/` ? -1 : 1))) {
      yield* this.folder(folder.folders.get(name)!, { path: `${directory.path}${name}/` }, mix(seed, hashText(name)));
    }
  }

  private *projectTree(project: Project, directory: Directory, seed: number): Generator<void> {
    this.project = project;
    const budget = this.budgets.get(project)!;
    const { gid } = project.group;
    const owner = project.users[0]!.uid;
    this.folderEntry(directory, seed, owner, gid);
    let left = budget;
    // What a small project has no room for it does not have.
    const vault = budget >= roomForVault;
    if (vault) left -= this.vault(directory, seed, owner, gid);
    const shared = budget >= roomForShared;
    if (shared) left -= sharedFiles + 1;
    const users = left >= 100 ? Math.floor(left / 4) : 0;
    yield* this.section(directory, 'data', left - users, seed);
    const extra = project.growing && this.options.growth > 1 ? Math.round(budget * (this.options.growth - 1)) : 0;
    if (extra > 0) yield* this.section(directory, 'incoming', extra, mix(seed, 77), this.options.scannedAt - 3 * daySeconds);
    if (vault) this.vaulted(directory, seed, owner, gid);
    if (shared) this.shared(directory, seed);
    if (users > 0) yield* this.users(directory, users, mix(seed, 78));
    // Thousands of projects may have nothing in them.
    if (left <= 1) yield;
  }

  /** A directory in a project with `lines` entries, its own included. */
  private *section(parent: Directory, name: string, lines: number, seed: number, newest?: number): Generator<void> {
    if (lines <= 0) return;
    const directory = { path: `${parent.path}${name}/` };
    this.folderEntry(directory, seed, this.project.users[0]!.uid, this.project.group.gid);
    yield* this.contents(directory, lines - 1, mix(seed, hashText(name)), newest);
  }

  /** `users/<name>/…`: what lies there belongs to that user. */
  private *users(parent: Directory, lines: number, seed: number): Generator<void> {
    const { project } = this;
    const directory = { path: `${parent.path}users/` };
    this.folderEntry(directory, seed, project.users[0]!.uid, project.group.gid);
    const users = [...new Map(project.users.map((user) => [user.name, user])).values()].sort((a, b) => (`${a.name}/` < `${b.name}/` ? -1 : 1));
    let left = lines - 1;
    for (const [index, user] of users.entries()) {
      const share = index === users.length - 1 ? left : Math.floor(left / (users.length - index));
      this.project = { ...project, users: [user] };
      yield* this.section(directory, user.name, share, seed);
      left -= share;
    }
    this.project = project;
  }

  /** `lines` entries below a directory: files in series, the rest in subdirectories. */
  private *contents(directory: Directory, lines: number, seed: number, newest: number | undefined): Generator<void> {
    if (lines <= 0) return;
    const files = lines <= 60 ? lines : Math.min(lines, 20 + (seed % 50));
    const below = lines - files;
    // Few entries more than files go to one subdirectory; many to up to a dozen.
    const folders = below === 0 ? 0 : Math.min(below, 1 + Math.min(11, Math.floor(below / 150)));
    const folderStem = directoryStems[seed % directoryStems.length]!;
    const fileStem = fileStems[mix(seed, 1) % fileStems.length]!;
    const filesFirst = fileStem < folderStem;
    const oddFiles = seed % 40 === 0 ? Math.min(files, sortedOddNames.length) : 0;
    if (filesFirst) this.series(directory, fileStem, files - oddFiles, seed, newest);
    yield;
    let left = below;
    for (let index = 0; index < folders; index++) {
      const random = mix(seed, 1000 + index);
      const share = index === folders - 1 ? left : Math.min(left - (folders - 1 - index), 1 + Math.floor((left / (folders - index)) * (0.5 + (random % 1000) / 1000)));
      const sub = { path: `${directory.path}${folderStem}${String(index).padStart(3, '0')}/` };
      this.folderEntry(sub, random, this.userOf(random), this.project.group.gid);
      yield* this.contents(sub, share - 1, random, newest);
      left -= share;
    }
    if (!filesFirst) this.series(directory, fileStem, files - oddFiles, seed, newest);
    for (let index = 0; index < oddFiles; index++) this.file(directory, sortedOddNames[index]!, mix(seed, 5000 + index), seed, newest);
    yield;
  }

  private series(directory: Directory, stem: string, count: number, seed: number, newest: number | undefined): void {
    const endings = extensions[mix(seed, 2) % extensions.length]!;
    const first = seed % 900_000;
    for (let index = 0; index < count; index++) {
      const number = String(first + Math.floor(index / endings.length)).padStart(6, '0');
      this.file(directory, `${stem}${number}${endings[index % endings.length]}`, mix(seed, 10_000 + index), seed, newest);
    }
  }

  private userOf(random: number): number {
    return this.project.users[random % this.project.users.length]!.uid;
  }

  private folderEntry(directory: Directory, random: number, uid: number, gid: number): void {
    const { entry } = this;
    entry.directory = directory;
    entry.name = '';
    entry.type = 'd';
    entry.size = 4096;
    entry.apparentSize = 4096;
    entry.uid = uid;
    entry.gid = gid;
    this.times(random, random, undefined);
    entry.inode = plainInode(random, mix(random, 4));
    entry.links = 2 + (random % 5);
    entry.counts = true;
    this.visit(entry);
  }

  private times(random: number, seed: number, newest: number | undefined): void {
    const { entry } = this;
    const { scannedAt } = this.options;
    // Files of one directory were written within days of each other.
    const mtime = newest === undefined ? Math.min(scannedAt - 60, firstMtime + (seed % mtimeSpan) + (random % 400_000)) : newest + (random % (3 * daySeconds));
    entry.mtime = mtime;
    entry.ctime = mtime;
    entry.atime = Math.min(scannedAt, mtime + (random % 5_000_000));
  }

  private file(directory: Directory, name: string, random: number, seed: number, newest: number | undefined): void {
    const { entry } = this;
    entry.directory = directory;
    entry.name = name;
    entry.type = 'f';
    const fraction = (random % 65_536) / 65_536;
    entry.size = Math.floor(fraction ** 6 * 3e8);
    entry.apparentSize = entry.size;
    entry.uid = this.userOf(random % 10 === 0 ? random >>> 4 : seed);
    entry.gid = this.project.group.gid;
    this.times(random, seed, newest);
    entry.inode = plainInode(seed, random);
    entry.links = 1;
    entry.counts = true;
    const chance = mix(random, 5) % 10_000;
    if (chance < 100) this.link();
    else if (chance < 110) entry.mtime = this.options.scannedAt + 1 + (random % 40_000_000);
    else if (chance < 113) {
      entry.links = 0;
      entry.counts = false;
    } else if (chance < 115) this.special(chance === 113 ? 's' : 'F');
    else if (chance < 400) entry.gid = this.project.guest.gid;
    else if (chance < 500) entry.apparentSize = entry.size * 3 + 1;
    else if (chance < 520) entry.links = 2; // the other link lies outside
    this.visit(entry);
  }

  private link(): void {
    this.special('l');
    this.entry.apparentSize = 60;
  }

  private special(type: Entry['type']): void {
    this.entry.type = type;
    this.entry.size = 0;
    this.entry.apparentSize = 0;
  }

  private linked(directory: Directory, name: string, inode: bigint, gid: number, uid: number, links: number, counts: boolean): void {
    const random = mix(Number(inode & 0xffffffffn), 6);
    const { entry } = this;
    entry.directory = directory;
    entry.name = name;
    entry.type = 'f';
    entry.size = 1_000_000 + (random % 100_000_000);
    entry.apparentSize = entry.size;
    entry.uid = uid;
    entry.gid = gid;
    this.times(random, random, undefined);
    entry.inode = inode;
    entry.links = links;
    entry.counts = counts;
    this.visit(entry);
  }

  /** Files kept by links in a hidden directory, whose names are their inodes and the encoded paths. Returns the number of lines of both halves. */
  private vault(project: Directory, seed: number, uid: number, gid: number): number {
    let directory = { path: `${project.path}.vault/` };
    this.folderEntry(directory, mix(seed, 20), uid, gid);
    const bytes = vaultInode(this.project.number, 0).toString(16).padStart(16, '0').match(/../gu)!;
    for (const name of ['keep', ...bytes.slice(0, -1)]) {
      directory = { path: `${directory.path}${name}/` };
      this.folderEntry(directory, mix(seed, hashText(directory.path)), uid, gid);
    }
    for (let index = 0; index < vaultedFiles; index++) {
      const inode = vaultInode(this.project.number, index);
      const key = Buffer.from(`results/${vaultedName(index)}`, 'latin1').toString('base64').replaceAll('/', '_');
      this.linked(directory, `${index.toString(16).padStart(2, '0')}-${key}`, inode, gid, uid, 2, true);
    }
    return 1 + bytes.length + vaultedFiles + 1 + vaultedFiles;
  }

  private vaulted(project: Directory, seed: number, uid: number, gid: number): void {
    const directory = { path: `${project.path}results/` };
    this.folderEntry(directory, mix(seed, 21), uid, gid);
    for (let index = 0; index < vaultedFiles; index++) this.linked(directory, vaultedName(index), vaultInode(this.project.number, index), gid, uid, 2, false);
  }

  /** Each file has a link in this project and one in its partner; a third one lies outside. */
  private shared(project: Directory, seed: number): void {
    const pair = this.project.number >> 1;
    const first = this.projects[pair * 2]!;
    const partner = this.projects[this.project.number ^ 1];
    // The walk is in byte order: the one of the two that comes first counts, if it has the file at all.
    const partnerBefore = partner !== undefined && `${partner.path}/` < `${this.project.path}/` && this.budgets.get(partner)! >= roomForShared;
    const directory = { path: `${project.path}shared/` };
    this.folderEntry(directory, mix(seed, 22), this.project.users[0]!.uid, this.project.group.gid);
    for (let index = 0; index < sharedFiles; index++) {
      const inode = vaultInode(Math.max(0x8000, this.projects.length) + pair, index);
      this.linked(directory, `common_${index}.dat`, inode, first.group.gid, first.users[0]!.uid, 3, !partnerBefore);
    }
  }
}

const vaultedName = (index: number): string => `final_calls_${index}.cram`;
const vaultInode = (owner: number, index: number): bigint => (2n << 56n) | (BigInt(owner) << 8n) | BigInt(index);
/** Collisions do not matter where there is one link. */
const plainInode = (seed: number, random: number): number => (seed % 9973) * 10_000_000 + (random % 10_000_000);
