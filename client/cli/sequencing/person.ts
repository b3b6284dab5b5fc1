/** Who acts, and why: every action of a person is recorded with that. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { By } from '../../index.ts';
import { type Confirmation, confirmOption } from '../confirm.ts';

export interface ActionOptions extends Confirmation {
  reason: string;
}

/** The options of every action: a reason, and a confirmation. */
export function withActionOptions(command: Command): Command {
  return command.requiredOption('--reason <text>', 'why; kept with the action').addOption(confirmOption());
}

/** The person's account: behind sudo, theirs. */
export function byOf({ reason }: ActionOptions, environment: NodeJS.ProcessEnv = process.env): By {
  const { username, uid } = userInfo();
  return { actor: (uid === 0 && environment['SUDO_USER']) || username, reason };
}
