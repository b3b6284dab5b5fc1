/** `longshore sequencing …`: runs of sequencers and their cells. */
import { type Command, Help } from 'commander';
import { registerActions } from './actions.ts';
import { registerForcedCommand } from './forced-command.ts';
import { registerHistory } from './history.ts';
import { registerImport } from './import.ts';
import { registerInstruments } from './instruments.ts';
import { registerLists } from './lists.ts';
import { registerShow } from './show.ts';
import { registerStatus } from './status.ts';

export function registerSequencing(program: Command): void {
  const sequencing = program.command('sequencing').description('runs of sequencers: mirror them, follow their cells');
  // So many verbs fill a screen: the line above them and the options make room.
  const standard = new Help();
  const inherited = sequencing.configureHelp();
  sequencing.configureHelp({
    ...inherited,
    commandDescription: (command) => (command === sequencing ? '' : standard.commandDescription(command)),
    visibleOptions: (command) => (command === sequencing ? [] : (inherited.visibleOptions ?? standard.visibleOptions.bind(standard))(command)),
    // Their own help says which options they take.
    subcommandTerm: (command) => standard.subcommandTerm(command).replace(' [options]', ''),
  });
  const groups = [registerLists, registerShow, registerHistory, registerInstruments, registerForcedCommand, registerActions, registerImport, registerStatus];
  for (const register of groups) register(sequencing);
}
