/** The file on the instrument by which the lab sees that copying works: its age is what counts, see `domain/sequencing/heartbeat.ts`. */
import type { InstrumentConfig } from '../../config/schema.ts';
import { OperationError } from '../../domain/errors.ts';
import { writeFileAtomic } from '../platform/files/atomic.ts';
import { lastLine, runOverSsh, targetName } from '../platform/ssh/index.ts';
import { sshTargetOf } from './settings.ts';

const writeMs = 30_000;
const script = 'printf "%s" "$2" > "$1.new" && mv -f -- "$1.new" "$1"';

/**
 * Writes the file whole, over ssh or on a mount.
 *
 * Throws `PermissionDenied` (also when the key is bound to another command), `NotFound`, `StorageFull`, `ExternalToolFailed`, and what `runOverSsh` throws.
 * @param at ISO instant of the last good listing. @param failing cells that wait for a person.
 */
export async function writeHeartbeatFile(instrument: InstrumentConfig, { at, failing }: { at: string; failing: number }, hooks: { signal?: AbortSignal } = {}): Promise<void> {
  const { heartbeatFile: file, label } = instrument;
  if (file === undefined) return;
  const text = `${at}\nLongshore sees ${label}. ${failing === 0 ? 'No cell has failed.' : `Failed cells: ${failing}.`}\n`;
  const target = sshTargetOf(instrument);
  if (target === null) return writeFileAtomic(file, text);
  const { code, stdout, stderr } = await runOverSsh(target, ['sh', '-c', script, 'longshore', file, text], { signal: hooks.signal, timeoutMs: writeMs });
  if (stdout !== '') throw new OperationError('PermissionDenied', `Cannot write ${file} on ${targetName(target)}: its key is bound to another command.`);
  if (code !== 0) throw new OperationError('ExternalToolFailed', `Cannot write ${file} on ${targetName(target)}${stderr === '' ? '' : ` (${lastLine(stderr)})`}.`, { place: { file } });
}
