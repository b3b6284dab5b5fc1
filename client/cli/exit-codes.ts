import type { ErrorType } from '../../domain/errors.ts';

/** What the command's end tells a script. docs/command-line.md has the same table; a test compares them. */
export const exitCodes = {
  done: { code: 0, meaning: 'Done.' },
  failed: { code: 1, meaning: 'The operation failed; standard error says why.' },
  usage: { code: 2, meaning: 'The command line or the configuration is wrong; nothing was done.' },
  incomplete: { code: 3, meaning: 'Done in part: something failed, waits for a person, or differs (schedules plan, db status); the output lists it.' },
  unreachable: { code: 4, meaning: 'A service that is needed does not answer (Temporal, database, directory service).' },
  interrupted: { code: 130, meaning: 'Interrupted by Ctrl-C. Workflows that were started go on.' },
} as const;

export type Exit = keyof typeof exitCodes;

const exits: Partial<Record<ErrorType, Exit>> = {
  ConfigError: 'usage',
  ContractError: 'usage',
  DependencyDown: 'unreachable',
  TransportError: 'unreachable',
};

/** How a command ends that an error of this type ended. */
export function exitOf(type: ErrorType | 'Unexpected'): Exit {
  return type === 'Unexpected' ? 'failed' : (exits[type] ?? 'failed');
}

/** Notes how the process shall end; the command goes on, and the output is written to its end. */
export function endWith(exit: Exit): void {
  process.exitCode = exitCodes[exit].code;
}
