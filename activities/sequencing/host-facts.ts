/** What a host that copies and processes runs must have, looked at before the first step of a run fails because of it. Changes nothing. */
import { access, constants, stat } from 'node:fs/promises';
import type { Config, InstrumentConfig } from '../../config/schema.ts';
import { OperationError, type ErrorType } from '../../domain/errors.ts';
import type { Hooks } from '../platform/activity.ts';
import { withFileErrors } from '../platform/files/file-error.ts';
import { run } from '../platform/processes/run.ts';
import { destination, lastLine, sshCommand, type SshTarget } from '../platform/ssh/index.ts';
import { checkMounted } from './mounted.ts';
import { isLocal, sshTargetOf } from './settings.ts';

export interface HostFault {
  type: ErrorType;
  /** One sentence. */
  message: string;
}

/** Programs that are missing. */
export async function toolFaults({ sequencing: { instruments } }: Config, { signal }: Hooks = {}): Promise<HostFault[]> {
  const copied = instruments.filter((each) => !isLocal(each));
  const needed = [...(copied.length > 0 ? [['rsync', '--version']] : []), ...(copied.some((each) => sshTargetOf(each) !== null) ? [['ssh', '-V']] : [])];
  const faults = await Promise.all(
    needed.map(async ([program, version]): Promise<HostFault[]> => {
      const { code } = await run(program!, [version!], { signal }).catch(() => ({ code: null }));
      return code === 0 ? [] : [{ type: 'ConfigError', message: `The program ${program} is not there: nothing can be copied.` }];
    }),
  );
  return faults.flat();
}

/** Roots of raw copies and products that are not there, or may not be written. */
export async function rootFaults({ sequencing }: Config): Promise<HostFault[]> {
  const faults = await Promise.all(
    (['runsDirectory', 'outputDirectory'] as const).map(async (key): Promise<HostFault[]> => {
      const root = sequencing[key];
      if (root === undefined) return [];
      return faultsOf(async () => {
        await checkMounted(root);
        await withFileErrors(`write into sequencing.${key},`, root, () => access(root, constants.W_OK | constants.X_OK));
        return [];
      });
    }),
  );
  return faults.flat();
}

/** Keys that ssh would not use, and instruments whose host key nobody has recorded. */
export async function keyFaults({ sequencing: { instruments } }: Config, hooks: Hooks = {}): Promise<HostFault[]> {
  const faults = await Promise.all(
    instruments.map(async (instrument) => {
      const target = sshTargetOf(instrument);
      return target === null ? [] : [...(await identityFaults(instrument)), ...(await hostKeyFaults(instrument, target, hooks))];
    }),
  );
  return faults.flat();
}

async function identityFaults({ label, ssh: { identityFile } }: InstrumentConfig): Promise<HostFault[]> {
  if (identityFile === undefined) return [];
  return faultsOf(async () => {
    await withFileErrors(`read the key of ${label},`, identityFile, () => access(identityFile, constants.R_OK));
    const { mode, uid } = await stat(identityFile);
    // ssh minds only what is its account’s own.
    if (uid !== process.getuid?.() || (mode & 0o077) === 0) return [];
    return [{ type: 'PermissionDenied', message: `${label}: others may read the key ${identityFile} (mode ${(mode & 0o777).toString(8)}), so ssh does not use it.` }];
  });
}

/** What cannot be looked at is a fault as well. */
async function faultsOf(look: () => Promise<HostFault[]>): Promise<HostFault[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    return [{ type: error.type, message: error.message }];
  }
}

/** What ssh itself would look up, and where: its configuration may have other names and files. */
async function hostKeyFaults({ label }: InstrumentConfig, target: SshTarget, { signal }: Hooks): Promise<HostFault[]> {
  const options = { signal };
  const [program, ...args] = sshCommand(target);
  const { code, stdout, stderr } = await run(program!, [...args, '-G', '--', destination(target)], options).catch(() => ({ code: null, stdout: '', stderr: '' }));
  // Without ssh there is another fault.
  if (code === null) return [];
  if (code !== 0) return [{ type: 'ConfigError', message: `${label}: ssh cannot be configured: ${lastLine(stderr)}.` }];
  const settings = new Map(stdout.split('\n').map((line): [string, string] => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]));
  const host = settings.get('hostname') ?? target.host;
  const port = settings.get('port') ?? '22';
  const name = settings.get('hostkeyalias') ?? (port === '22' ? host : `[${host}]:${port}`);
  const files = target.knownHostsFile !== undefined ? [target.knownHostsFile] : ['userknownhostsfile', 'globalknownhostsfile'].flatMap((key) => (settings.get(key) ?? '').split(' ').filter((file) => file !== '' && file !== 'none'));
  const found = await Promise.all(files.map(async (file) => (await run('ssh-keygen', ['-F', name, '-f', file], options).catch(() => ({ code: null }))).code === 0));
  return found.includes(true) ? [] : [{ type: 'ConfigError', message: `${label}: the host key of ${name} is in none of ${files.join(', ')}, so ssh does not connect.` }];
}

/** Refuses to begin where every step would fail: without its programs or its disks. Throws `ConfigError`, `DependencyDown`, `PermissionDenied`. */
export async function checkHost(config: Config): Promise<void> {
  const [fault] = [...(await toolFaults(config)), ...(await rootFaults(config))];
  if (fault !== undefined) throw new OperationError(fault.type, fault.message);
}
