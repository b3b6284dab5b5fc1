/** `longshore sequencing forced-command INSTRUMENT`: the least that its key must be allowed to do there. */
import type { Command } from 'commander';
import type { InstrumentConfig } from '../../../config/schema.ts';
import { OperationError } from '../../../domain/errors.ts';
import { parseLocation, remoteCommand } from '../../../domain/sequencing/location.ts';
import { withContext } from '../context.ts';
import { note, print, printJson } from '../output.ts';
import { configuredInstrument } from './instruments.ts';

export function registerForcedCommand(sequencing: Command): void {
  sequencing
    .command('forced-command <instrument>')
    .description('what its key is bound to: listing, reading')
    .addHelpText('after', '\nPut the line before the public key in authorized_keys on the instrument, and set\ncopy.pullRoot to /. Needed there: sh, rsync and its rrsync in /usr/bin.')
    .action((label: string, _options: unknown, command: Command) =>
      withContext(command, async (context) => {
        const { listingForcedCommand } = await import('../../../activities/sequencing/list-instrument.ts');
        const instrument = configuredInstrument(context, label);
        const line = forcedCommand(instrument, listingForcedCommand);
        if (context.json) return printJson({ instrument: label, options: line });
        print(line);
        if (instrument.copy.pullRoot !== '/') note(`${label}: set copy.pullRoot to "/": to a key that is bound like this the directory is the root.`);
      }),
    );
}

/**
 * Options of a line in `authorized_keys`: rsync may read below the instrument's directory, whatever else is asked for is answered with its listing.
 * Throws `ContractError` for an instrument that is not pulled from over ssh.
 */
export function forcedCommand({ label, location, sentinel, copy }: Pick<InstrumentConfig, 'label' | 'location' | 'sentinel' | 'copy'>, listing: (source: { path: string; sentinel?: string }) => string): string {
  const place = parseLocation(location);
  if (place.kind !== 'ssh') throw new OperationError('ContractError', `${label} is not reached over ssh: it has no key.`);
  if (copy.strategy === 'push') throw new OperationError('ContractError', `${label} pushes: rsync runs there, and its key needs a shell.`);
  const start = 'restrict,command="';
  const reading = `case "$SSH_ORIGINAL_COMMAND" in "rsync --server --sender "*) exec /usr/bin/rrsync -ro ${remoteCommand([place.path])};; esac; `;
  return start + reading.replaceAll('"', String.raw`\"`) + listing({ path: place.path, ...(sentinel === undefined ? {} : { sentinel }) }).slice(start.length);
}
