/** Whether a person means it. */
import { once } from 'node:events';
import { Option } from 'commander';
import { OperationError } from '../../domain/errors.ts';
import type { CommandContext } from './context.ts';
import { safeText } from './output.ts';

export interface Confirmation {
  yes?: true;
}

export const confirmOption = (): Option => new Option('--yes', 'do not ask; needed where nobody sits in front of it');

/**
 * Asks on the terminal. Throws `ContractError` when the answer is not yes, or when nobody can be asked.
 *
 * @param sentence what will be done: `Abort the cell X.`
 */
export async function confirm(context: Pick<CommandContext, 'json' | 'signal'>, sentence: string, { yes }: Confirmation): Promise<void> {
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
