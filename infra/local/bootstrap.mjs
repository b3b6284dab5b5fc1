// node infra/local/bootstrap.mjs <what> [arguments]: what every `npm run` command starts with.
// Installs the locked packages when they are not there, finds a Node that can run TypeScript, and hands over to it.
// Plain JavaScript without dependencies, for any Node that npm runs on. Speaks on standard error; standard output is the command's.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const entries = {
  demo: 'infra/demo/main.ts',
  start: 'infra/local/start.ts',
  test: 'test/run.ts',
  bench: 'bench/main.ts',
  build: 'infra/local/build.ts',
};
const neededNode = 24;
const runningNode = Number(process.versions.node.split('.')[0]);
const packagedNode = `node_modules/node-${process.platform}-${process.arch}`;
const installMinutes = 10;
// Not `npm ci`: that also wants in the lockfile what is optional and for other platforms, which not every registry has. What
// gets installed is the same: `packagesMatch` compares it afterwards. And npm obeys its user's configuration and environment
// (`omit=dev`, NODE_ENV=production, `global`, …); this must not depend on them.
const installArguments = [
  'install', '--no-save', '--include=prod', '--include=dev', '--include=optional', '--include=peer', '--ignore-scripts', '--bin-links=true',
  '--global=false', '--location=project', '--dry-run=false', '--package-lock=true', '--package-lock-only=false', '--install-strategy=hoisted',
  '--force=false', '--legacy-peer-deps=false', '--strict-peer-deps=false',
  '--engine-strict=false', '--audit=false', '--fund=false', '--fetch-timeout=60000',
];
// Without a registry an installation fails only after it has asked for every package; this one question fails within seconds.
const probeArguments = ['view', '@temporalio/worker', 'name', '--fetch-timeout=15000'];
const quietArguments = [
  '--update-notifier=false', '--progress=false', '--loglevel=error', '--json=false',
  '--prefer-offline', '--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=3000',
];

class Stop extends Error {}

function lockedPackages(file) {
  try {
    const { '': _root, ...packages } = JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
    return packages;
  } catch {
    return undefined;
  }
}

/** What npm noted that it installed, compared with the lockfile. Packages for other platforms are optional and rightly absent. */
function packagesMatch() {
  const wanted = lockedPackages('package-lock.json');
  const found = lockedPackages('node_modules/.package-lock.json');
  if (!wanted) throw new Stop(`package-lock.json in ${root} cannot be read: restore it (git checkout package-lock.json).`);
  if (!found) return false;
  if (runningNode < neededNode && packagedNode in wanted && !existsSync(join(root, packagedNode))) return false;
  return (
    Object.entries(found).every(([path, { optional, devOptional }]) => path in wanted || optional || devOptional) &&
    Object.entries(wanted).every(([path, { version, integrity, optional, devOptional }]) =>
      found[path] ? found[path].version === version && found[path].integrity === integrity : optional || devOptional,
    )
  );
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Process id in the lock file; NaN while its maker has not written it yet, or when it is gone. */
function lockHolder(lock) {
  try {
    return Number.parseInt(readFileSync(lock, 'utf8'), 10);
  } catch {
    return Number.NaN;
  }
}

/** One installation at a time: two would tear each other's node_modules apart. A lock whose holder died counts for nothing. */
function withInstallLock(work) {
  const lock = join(root, '.longshore', 'install.lock');
  mkdirSync(join(root, '.longshore'), { recursive: true });
  const started = performance.now();
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const holder = lockHolder(lock);
      if (!Number.isNaN(holder) && !alive(holder)) rmSync(lock, { force: true });
      else if (!waited) process.stderr.write('another command is installing the packages: waiting for it\n');
      if (performance.now() - started > installMinutes * 60_000) throw new Stop(`Another installation holds ${lock} for too long. If there is none, delete that file.`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Runs npm; what it complained of when it failed. */
function npm(args) {
  // Under `npm run` the npm at work names itself; another package manager must not be taken for it.
  const script = process.env.npm_execpath;
  const command = script && basename(script) === 'npm-cli.js' ? [process.execPath, script] : ['npm'];
  const { status, error, stderr } = spawnSync(...tied([...command, ...args, ...quietArguments]), {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: installMinutes * 60_000,
  });
  if (status === 0) return undefined;
  if (error?.code === 'ENOENT' || status === 127) return 'there is no npm on PATH';
  if (error?.code === 'ETIMEDOUT') return `stopped after ${installMinutes} minutes`;
  return stderr.trim() || `npm ended with ${status}`;
}

function install() {
  if (packagesMatch()) return; // whoever held the lock before has done it
  process.stderr.write('installing the packages of package-lock.json (npm install) … ');
  const started = performance.now();
  const complaint = npm(probeArguments) ?? npm(installArguments) ?? (packagesMatch() ? undefined : 'npm reported success, yet node_modules does not match package-lock.json');
  const seconds = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  process.stderr.write(`${seconds}\n`);
  if (complaint === undefined) return;
  throw new Stop(
    [
      `The packages could not be installed: \`npm install\` in ${root} failed after ${seconds}.`,
      ...complaint.split('\n').slice(0, 12).map((line) => `  ${line}`),
      'Needed: npm 10 or newer, and a package registry that npm can reach (see `npm config get registry`, `npm ping`). Then run the same command again.',
    ].join('\n'),
  );
}

/** The command as `spawn` takes it, so that it also ends when we are killed; on Linux only, elsewhere as it is. */
function tied(command) {
  const setpriv = process.platform === 'linux' && ['/usr/bin/setpriv', '/bin/setpriv'].find((file) => existsSync(file));
  const [program, ...args] = setpriv ? [setpriv, '--pdeathsig', 'TERM', ...command] : command;
  return [program, args];
}

function findNode() {
  // npm may have replaced the very file that runs us.
  if (runningNode >= neededNode && existsSync(process.execPath)) return process.execPath;
  const packaged = join(root, packagedNode, 'bin', 'node');
  if (existsSync(packaged)) return packaged;
  throw new Stop(
    `Node ${neededNode} or newer is needed: this is Node ${process.versions.node}, and there is no packaged one for ${process.platform}-${process.arch}. Install Node ${neededNode} (https://nodejs.org) and run the same command again.`,
  );
}

/** Runs the command in our place: same terminal, our signals passed on, its end is ours. */
function handOver(node, entry, args) {
  const child = spawn(...tied([node, '--disable-warning=ExperimentalWarning', join(root, entry), ...args]), { cwd: root, stdio: 'inherit' });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const forward = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, forward);
  child.on('error', (error) => fail(new Stop(`${node} cannot be run: ${error.message}`)));
  child.on('exit', (code, signal) => {
    for (const name of signals) process.removeListener(name, forward);
    if (signal) process.kill(process.pid, signal);
    else process.exit(code);
  });
}

function fail(error) {
  process.stderr.write(`${error instanceof Stop ? error.message : error.stack}\n`);
  process.exit(1);
}

try {
  const [what, ...args] = process.argv.slice(2);
  if (!Object.hasOwn(entries, what ?? '')) throw new Stop(`Usage: npm run <${Object.keys(entries).join('|')}> [-- arguments]`);
  if (!packagesMatch()) withInstallLock(install);
  handOver(findNode(), entries[what], args);
} catch (error) {
  fail(error);
}
