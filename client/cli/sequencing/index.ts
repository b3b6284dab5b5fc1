/** `longshore sequencing …`: runs of sequencers and their cells. */
import type { Command } from 'commander';
import { registerStatus } from './status.ts';

export function registerSequencing(program: Command): void {
  const sequencing = program.command('sequencing').description('runs of sequencers: mirror them, follow their cells');
  registerStatus(sequencing);
}
