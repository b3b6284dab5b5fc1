/** Who acts, whether they mean it, and why: every action of a person is recorded with that. */
import { once } from 'node:events';
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { OperationError } from '../../../domain/errors.ts';
import type { By } from '../../index.ts';
import type { CommandContext } from '../context.ts';
import { safeText } from '../output.ts';

export interface ActionOptions {
  reason: string;
  yes?: true;
}

/** The options of every action: a reason, and a confirmation. */
export function withActionOptions(command: Command): Command {
  return command.requiredOption('--reason <text>', 'why; kept with the action').option('--yes', 'do not ask; needed where nobody sits in front of it');
}

/** The person's account: behind sudo, theirs. */
export function byOf({ reason }: ActionOptions, environment: NodeJS.ProcessEnv = process.env): By {
  const { username, uid } = userInfo();
  return { actor: (uid === 0 && environment['SUDO_USER']) || username, reason };
}

/**
 * Asks on the terminal. Throws `ContractError` when the answer is not yes, or when nobody can be asked.
 *
 * @param sentence what will be done: `Abort the cell X.`
 */
export async function confirm(context: Pick<CommandContext, 'json' | 'signal'>, sentence: string, { yes }: Pick<ActionOptions, 'yes'>): Promise<void> {
  if (yes === true) return;
  if (context.json || !process.stdin.isTTY || !process.stderr.isTTY) throw new OperationError('ContractError', `${sentence} Add --yes when you mean it.`);
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // Ctrl-C and the end of input are answers too.
    const ended = once(terminal, 'close').then(() => '');
    const answer = await Promise.race([terminal.question(`${safeText(sentence)} Go on? [y/N] `, { signal: context.signal }).catch(() => ''), ended]);
    if (!/^y(?:es)?$/iu.test(answer.trim())) throw new OperationError('ContractError', 'Nothing was done.');
  } finally {
    terminal.close();
  }
}
