/** Tickets and mails that wait to be told, as the commands show them. */
import { counted } from '../../../domain/counted.ts';
import { type FailingMessage, needsPerson } from '../../../activities/sequencing/outbox.ts';

export interface Messages {
  /** Still to be told. */
  waiting: number;
  /** Tried in vain, the oldest first. */
  failing: FailingMessage[];
}

/** A message that cannot be told and why; those of its run wait behind it. */
export function messageText({ key, attempts, since, problem }: FailingMessage, at: (instant: string) => string): string {
  return `The message ${key} of ${at(since)} cannot be sent, tried ${counted(attempts, 'time')}: ${problem.message}`;
}

/** Why a person must see to messages; null: nobody must, or not yet. */
export function messageAttention(failing: readonly FailingMessage[]): string | null {
  const stuck = failing.find(needsPerson);
  return stuck === undefined ? null : messageText(stuck, (instant) => instant);
}
