/** Installs the servers that tests need, where we may: Debian and its kin, as root. */
import { existsSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { run } from '../../activities/platform/processes/run.ts';
import { step } from '../../infra/local/steps.ts';
import type { Say } from '../../infra/local/steps.ts';
import { findProgram } from '../support/services/process.ts';

/** Program and the packages that hold it. */
const needed = {
  pip3: 'python3-pip', // fetches Temporal
  unshare: 'util-linux',
  mariadbd: 'mariadb-server',
  slapd: 'slapd',
  ldapsearch: 'ldap-utils',
  openssl: 'openssl',
  igzip: 'isal',
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  rsync: 'rsync',
  '/usr/share/request-tracker5/libexec/rt-server': 'request-tracker5 rt5-db-sqlite rt5-standalone',
};
const limitMs = 5 * 60_000;
/** Debian asks it whether a new package's service may start: ours would be left behind. */
const policyFile = '/usr/sbin/policy-rc.d';

/** Installs what is lacking; says nothing and does nothing when all is there or when we may not. A failure is said and left to the tests that feel it. */
export async function installPackages(say: Say, signal: AbortSignal): Promise<void> {
  const lacking = Object.entries(needed).flatMap(([program, name]) => (has(program) ? [] : name.split(' ')));
  if (lacking.length === 0 || process.getuid?.() !== 0 || !has('apt-get')) return;
  const apt = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await run('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...args], { env: { DEBIAN_FRONTEND: 'noninteractive' }, timeoutMs: limitMs, signal });
    if (code !== 0) throw new Error(stderr.trim().split('\n').at(-1) ?? `apt-get ended with ${code}`);
  };
  const install = (): Promise<void> => apt('install', '-y', '--no-install-recommends', ...lacking);
  try {
    await step(say, `apt-get install ${lacking.join(' ')}`, () =>
      withoutServices(async () => {
        await install().catch(async () => {
          signal.throwIfAborted();
          await apt('update'); // the lists were missing or old
          await install();
        });
      }),
    );
  } catch (error) {
    signal.throwIfAborted();
    say(`  ${error instanceof Error ? error.message : String(error)}`);
  }
}

function has(program: string): boolean {
  if (program.startsWith('/')) return existsSync(program);
  try {
    findProgram(program, '');
    return true;
  } catch {
    return false;
  }
}

async function withoutServices(work: () => Promise<void>): Promise<void> {
  const ours = await writeFile(policyFile, '#!/bin/sh\n# Made by Longshore’s tests while they install packages: services must not start. Delete it if you find it.\nexit 101\n', { flag: 'wx' }).then(
    () => true,
    () => false, // the machine has a policy of its own
  );
  try {
    if (ours) await chmod(policyFile, 0o755);
    await work();
  } finally {
    if (ours) await rm(policyFile, { force: true });
  }
}
