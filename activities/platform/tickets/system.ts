/** How to reach a Request Tracker. */
export interface TicketServer {
  /** Its address without `/REST/…`. */
  url: string;
  /** 1.0: every version; 2.0: Request Tracker 5, or 4.4 with its extension. */
  protocol: 'rest1' | 'rest2';
  /** A token, or an account whose password is ASCII (2.0 reads no other). */
  credentials: { token: string } | { user: string; password: string };
  /** Longest wait for one answer, in milliseconds; default one minute. */
  timeoutMs?: number;
}

export interface Ticket {
  id: number;
  subject: string;
  /** `new`, `open`, `stalled`, `resolved`, `rejected`, `deleted`, or one of the queue's own. */
  status: string;
}

export interface NewTicket {
  queue: string;
  subject: string;
  text: string;
  /** Mail addresses. */
  requestor?: string;
  cc?: string[];
}

/**
 * What we need of a ticket system; all of it may be asked twice but `create` and `add`. Errors: `DependencyDown` (no answer), `TransportError` (half an answer),
 * `PermissionDenied`, `NotFound` (ticket), `ConfigError` (queue), `ContractError` (it refuses a value), `ExternalToolFailed` (an answer without sense).
 * Messages never carry credentials.
 */
export interface TicketSystem {
  /** Tickets of a queue, closed ones too, whose subject holds `word` between blanks or punctuation; the newest first. */
  find(queue: string, word: string): Promise<Ticket[]>;
  /** Returns the new ticket's number. */
  create(ticket: NewTicket): Promise<number>;
  /** A `reply` goes to the requestor, a `comment` to the staff only. */
  add(id: number, kind: 'reply' | 'comment', text: string): Promise<void>;
  edit(id: number, change: { subject?: string; status?: string }): Promise<void>;
  /** Whether any message of the ticket holds the text (one line of it). What we wrote must be visible to us: comments need the right ShowTicketComments. */
  holds(id: number, text: string): Promise<boolean>;
}

/** A name can begin or end another: `a_b` is no word of `a_b2`, `x-a_b`. */
export function hasWord(subject: string, word: string): boolean {
  const escaped = word.replaceAll(/[\\^$.*+?()[\]{}|/-]/gu, String.raw`\$&`);
  return new RegExp(`(?<![\\w-])${escaped}(?![\\w-])`, 'u').test(subject);
}

/** The search for `find`; `_` and `%` in it find more than asked for, which `hasWord` takes out again. */
export function subjectQuery(queue: string, word: string): string {
  const quoted = (text: string): string => `'${text.replaceAll(/['\\]/gu, String.raw`\$&`)}'`;
  return `Queue = ${quoted(queue)} AND Subject LIKE ${quoted(word)}`;
}

export const newestFirst = (tickets: Ticket[]): Ticket[] => tickets.toSorted((a, b) => b.id - a.id);
