/** The file on the instrument by which the lab sees whether copying works; its age counts too, see `domain/sequencing/heartbeat.ts`. */
import type { InstrumentConfig } from '../../config/schema.ts';
import { OperationError } from '../../domain/errors.ts';
import { copyHeartbeat, type CopyHealth } from '../../domain/sequencing/heartbeat.ts';
import type { Hooks } from '../platform/activity.ts';
import { writeFileAtomic } from '../platform/files/atomic.ts';
import { lastLine, runOverSsh, targetName } from '../platform/ssh/index.ts';
import { sshTargetOf } from './settings.ts';

const writeMs = 30_000;
const script = 'printf "%s" "$2" > "$1.new" && mv -f -- "$1.new" "$1"';

/** What the file tells. */
export interface HeartbeatFacts extends CopyHealth {
  /** ISO instant of the last good listing: now. */
  at: string;
  /** Cells whose processing failed. */
  failed: number;
}

/**
 * Writes the file whole, over ssh or on a mount.
 *
 * Throws `PermissionDenied` (also when the key is bound to another command), `NotFound`, `StorageFull`, `ExternalToolFailed`, and what `runOverSsh` throws.
 */
export async function writeHeartbeatFile(instrument: InstrumentConfig, facts: HeartbeatFacts, hooks: Hooks = {}): Promise<void> {
  const { heartbeatFile: file } = instrument;
  if (file === undefined) return;
  const text = heartbeatText(instrument.label, facts);
  const target = sshTargetOf(instrument);
  if (target === null) return writeFileAtomic(file, text);
  const { code, stdout, stderr } = await runOverSsh(target, ['sh', '-c', script, 'longshore', file, text], { signal: hooks.signal, timeoutMs: writeMs });
  if (stdout !== '') throw new OperationError('PermissionDenied', `Cannot write ${file} on ${targetName(target)}: its key is bound to another command.`);
  if (code !== 0) throw new OperationError('ExternalToolFailed', `Cannot write ${file} on ${targetName(target)}${stderr === '' ? '' : ` (${lastLine(stderr)})`}.`, { place: { file } });
}

/** The state stands alone on the second line, for scripts. */
function heartbeatText(label: string, facts: HeartbeatFacts): string {
  const { at, copiedAt, failing, failed, heldSince } = facts;
  return [
    at,
    copyHeartbeat(facts, { listedAt: at, ageOf: (instant) => (Date.parse(at) - Date.parse(instant)) / 1000 }),
    `Longshore sees ${label}.`,
    `Last good copy: ${copiedAt ?? 'none yet'}.`,
    ...(heldSince === null ? [] : [`Held by a person since ${heldSince}: nothing is copied.`]),
    `Cells that cannot be copied: ${failing}.`,
    `Cells whose processing failed: ${failed}.`,
    '',
  ].join('\n');
}
