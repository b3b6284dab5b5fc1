import { hash } from 'node:crypto';
import type { Ticket, TicketSystem } from './system.ts';

/** News of something that has a ticket: the ticket is found by the subject's word, or made. */
export interface TicketMessage {
  queue: string;
  /** What the ticket is about: stands in its subject as a word. */
  about: string;
  /** The subject from now on; holds `about`. */
  subject: string;
  kind: 'reply' | 'comment';
  text: string;
  /** Names the event: what was posted under a key is not posted again. */
  key: string;
  /** For a new ticket: mail addresses. */
  requestor?: string;
  cc?: string[];
}

const closed = new Set(['resolved', 'rejected', 'deleted']);

/**
 * Posts a message to the newest ticket about its matter that is not closed, or to a new one, unless that was done before: after a crash, or when an answer
 * was lost, the message itself shows it by its reference (its last line). Two at the same time could both find nothing: one sender a matter.
 * Throws what `TicketSystem` throws; then it may or may not have been posted, and calling again puts it right.
 */
export async function postOnce(system: TicketSystem, message: TicketMessage): Promise<{ ticket: number; posted: boolean }> {
  const { queue, about, subject, kind, key, requestor, cc } = message;
  const reference = `[longshore ${hash('sha256', key).slice(0, 16)}]`;
  const tickets = await system.find(queue, about);
  for (const ticket of tickets) {
    if (!(await system.holds(ticket.id, reference))) continue;
    await open(system, ticket);
    return { ticket: ticket.id, posted: false };
  }
  const text = `${message.text.trimEnd()}\n\n${reference}\n`;
  const current = tickets.find(({ status }) => !closed.has(status));
  if (current === undefined) {
    const id = await system.create({ queue, subject, text, ...(requestor === undefined ? {} : { requestor }), ...(cc === undefined ? {} : { cc }) });
    await open(system, { id, status: 'new' });
    return { ticket: id, posted: true };
  }
  if (current.subject !== subject) await system.edit(current.id, { subject });
  await system.add(current.id, kind, text);
  return { ticket: current.id, posted: true };
}

/** A ticket of ours is being worked on from its beginning. */
async function open(system: TicketSystem, { id, status }: Pick<Ticket, 'id' | 'status'>): Promise<void> {
  if (status === 'new') await system.edit(id, { status: 'open' });
}
