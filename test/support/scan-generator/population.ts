/** Who and what there is on the site that the generator makes up: groups, people, projects. The same for the same seed. */

/** Two numbers to a third that tells nothing about them: every choice of the generator is one of these, never a sequence. */
export function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ Math.imul(b + 0x9e3779b9, 0x85ebca6b), 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return (hash ^ (hash >>> 15)) >>> 0;
}

export function hashText(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = mix(hash, text.charCodeAt(index));
  return hash;
}

export interface Group {
  gid: number;
  name: string;
}

export interface User {
  uid: number;
  name: string;
  fullName: string;
  gid: number;
}

/** How much of what there is; the site that tests know when nothing is said. */
export interface Population {
  /** Groups of the site; default 200. */
  groups?: number | undefined;
  /** Projects of a volume, each with a base directory; default 80, which is 400 over five volumes. */
  projects?: number | undefined;
}

const groupCount = 200;
const projectCount = 80;
const userCount = 500;
const subjects = ['aging', 'blood', 'brain', 'cancer', 'covid', 'crohns', 'diabetes', 'gut', 'heart', 'immune', 'kidney', 'liver', 'lung', 'malaria', 'muscle', 'plasma', 'retina', 'skin', 'stem', 'tumour'];
const methods = ['atlas', 'cells', 'exomes', 'genomes', 'methyl', 'panel', 'proteome', 'rnaseq', 'screen', 'variants'];
const firstNames = ['Ada', 'Bea', 'Carl', 'Dina', 'Emil', 'Fay', 'Gus', 'Hana', 'Ivo', 'Jana', 'Kai', 'Lea', 'Max', 'Nia', 'Ole', 'Pia', 'Quin', 'Rosa', 'Sven', 'Tara'];
const surnames = ['Abel', 'Brook', 'Castle', 'Dale', 'Elm', 'Ford', 'Grove', 'Hill', 'Irwin', 'Jones', 'Keen', 'Lake', 'Marsh', 'Nash', 'Orchard', 'Park', 'Quill', 'Rivers', 'Stone', 'Thorn', 'Underwood', 'Vale', 'Wood', 'Yates', 'Zeller'];

export function groupsOf(seed: number, { groups = groupCount }: Population = {}): Group[] {
  return Array.from({ length: groups }, (_, index) => ({
    gid: 1100 + index * 7 + (mix(seed, index) % 7),
    name: groupName(index),
  }));
}

function groupName(index: number): string {
  const method = Math.floor(index / subjects.length);
  const name = `${subjects[index % subjects.length]}-${methods[method % methods.length]}`;
  return method < methods.length ? name : `${name}-${Math.floor(method / methods.length)}`;
}

export function usersOf(seed: number): User[] {
  const groups = groupsOf(seed);
  return Array.from({ length: userCount }, (_, index) => {
    const first = firstNames[index % firstNames.length]!;
    const last = surnames[Math.floor(index / firstNames.length)]!;
    return { uid: 13000 + index * 3 + (mix(seed ^ 0x51, index) % 3), name: `${first[0]!.toLowerCase()}${last.slice(0, 3).toLowerCase()}${index}`, fullName: `${first} ${last}`, gid: groups[mix(seed, index) % groupCount]!.gid };
  });
}

/** As `getent group` prints. */
export const groupDump = (seed: number, population: Population = {}): string => groupsOf(seed, population).map(({ name, gid }) => `${name}:x:${gid}:\n`).join('');
/** As `getent passwd` prints. */
export const passwdDump = (seed: number): string => usersOf(seed).map(({ name, uid, gid, fullName }) => `${name}:x:${uid}:${gid}:${fullName}:/home/${name}:/bin/bash\n`).join('');

export interface Project {
  /** Number within the site. */
  number: number;
  /** Components below the mount point. */
  path: string;
  group: Group;
  /** A group that some of its files belong to by mistake. */
  guest: Group;
  users: User[];
  /** Its share of the volume's lines, relative to the others. */
  weight: number;
  /** Gains files between two scans. */
  growing: boolean;
}

const areas = ['casm', 'humgen/projects', 'humgen/teams', 'opentargets', 'pam', 'tol/projects'];
/** The largest project is about so many times as large as the smallest. */
const weights = 80;

export function projectsOf(seed: number, volume: string, { groups: count = groupCount, projects = projectCount }: Population = {}): Project[] {
  const groups = groupsOf(seed, { groups: count });
  const users = usersOf(seed);
  const site = hashText(volume) ^ seed;
  return Array.from({ length: projects }, (_, index) => {
    const random = mix(site, index);
    const group = groups[random % count]!;
    return {
      number: index,
      path: `${areas[index % areas.length]}/${group.name.replace('-', '_')}_${String(index).padStart(2, '0')}`,
      group,
      guest: groups[mix(random, 1) % count]!,
      users: Array.from({ length: 3 + (random % 6) }, (_, user) => users[mix(random, 10 + user) % userCount]!),
      weight: 1 / (3 + (mix(random, 2) % weights)),
      growing: mix(random, 3) % 3 === 0,
    };
  });
}
