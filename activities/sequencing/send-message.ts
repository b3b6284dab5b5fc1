/** Tells messages of the outbox: by a Request Tracker, by mail, or not at all. */
import type { Secret, TicketsConfig } from '../../config/schema.ts';
import { ticketSubject } from '../../domain/sequencing/ticket-text.ts';
import { sendMail } from '../platform/mail/index.ts';
import { postOnce, ticketSystem, type TicketServer } from '../platform/tickets/index.ts';
import type { OutboxMessage, Send } from './outbox.ts';

/** Receipt of what nobody wants to be told. */
const untold = 'none';

/** Messages about an instrument stand under this and its label, which no run's name can be. */
export const instrumentPrefix = 'instrument/';

/** What a message is about, and its subject. */
function subjectOf({ experiment, part }: OutboxMessage): { about: string; subject: string } {
  if (!experiment.startsWith(instrumentPrefix)) return { about: experiment, subject: ticketSubject(experiment, part) };
  const label = experiment.slice(instrumentPrefix.length);
  return { about: label, subject: `Instrument ${label} : ${part}` };
}

/** The sender that the configuration names. Secrets are read when they are needed. */
export function senderOf(tickets: TicketsConfig, readSecret: (secret: Secret) => Promise<string>): Send {
  if (tickets.kind === 'none') return async () => untold;
  if (tickets.kind === 'mail') {
    const { host, port, security, user, password, from, to } = tickets;
    return async (message, signal) => {
      const credentials = user === undefined || password === undefined ? {} : { credentials: { user, password: await readSecret(password) } };
      // Whoever gets a second copy after a crash sees the same identifier.
      const { messageId } = await sendMail({ host, port, security, from, ...credentials }, { to, subject: subjectOf(message).subject, text: message.body, key: message.key }, { signal });
      return messageId;
    };
  }
  const { kind, url, queues, requestor, cc } = tickets;
  const byType: Readonly<Record<OutboxMessage['type'], string | undefined>> = { internal: queues.internal, visitor: queues.visitor ?? queues.internal, unknown: queues.internal, test: queues.test };
  return async (message, signal) => {
    const queue = byType[message.type];
    if (queue === undefined) return untold;
    const credentials: TicketServer['credentials'] = tickets.kind === 'rt1' ? { user: tickets.user, password: await readSecret(tickets.password) } : { token: await readSecret(tickets.token) };
    const system = ticketSystem({ url, protocol: kind === 'rt1' ? 'rest1' : 'rest2', credentials }, { signal });
    const { ticket } = await postOnce(system, { queue, ...subjectOf(message), kind: message.kind, text: message.body, key: message.key, requestor, cc });
    return String(ticket);
  };
}
