import { rest1 } from './rest1.ts';
import { rest2 } from './rest2.ts';
import type { TicketServer, TicketSystem } from './system.ts';

export { postOnce, type TicketMessage } from './post-once.ts';
export type { NewTicket, Ticket, TicketServer, TicketSystem } from './system.ts';

/** A Request Tracker behind the interface. Nothing is asked before the first call. */
export function ticketSystem(server: TicketServer, hooks: { signal?: AbortSignal } = {}): TicketSystem {
  return server.protocol === 'rest1' ? rest1(server, hooks.signal) : rest2(server, hooks.signal);
}
