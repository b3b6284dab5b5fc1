/** Request Tracker's REST 2.0: JSON, and statuses that mean what they say, save that of an edit. */
import { z } from 'zod';
import { OperationError, type ErrorType } from '../../../domain/errors.ts';
import { ask, oneLine, senseless, type Answer } from './http.ts';
import { hasWord, newestFirst, subjectQuery, type NewTicket, type TicketServer, type TicketSystem } from './system.ts';

/** The most that it gives at once. */
const largestPage = 100;
const id = z.coerce.number().int().positive();
const found = z.object({ items: z.array(z.object({ id, Subject: z.string().nullish(), Status: z.string().nullish() })) });
const created = z.object({ id });
const messages = z.array(z.string());
const attachments = z.object({ items: z.array(z.object({ Content: z.string().nullish() })) });

const refusals: Readonly<Record<number, ErrorType>> = { 400: 'ContractError', 403: 'PermissionDenied', 404: 'NotFound', 409: 'ContractError', 412: 'ContractError', 422: 'ContractError' };

export function rest2(server: TicketServer, signal?: AbortSignal, pageSize = largestPage): TicketSystem {
  const { credentials } = server;
  const authorization = 'token' in credentials ? `token ${credentials.token}` : `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}`;

  const call = async <T>(schema: z.ZodType<T>, method: 'GET' | 'POST' | 'PUT', path: string, payload?: unknown): Promise<T> => {
    const init = payload === undefined ? { method, headers: { authorization } } : { method, headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(payload) };
    const answer = await ask(server, `2.0/${path}`, init, signal);
    const type = refusals[answer.status];
    if (type !== undefined) throw new OperationError(type, `The ticket system at ${server.url} says: ${remarkOf(answer)}`);
    const read = schema.safeParse(jsonOf(answer));
    if (answer.status >= 300 || !read.success) throw senseless(server, answer);
    return read.data;
  };
  /** All pages of a list; it does not always know how many there are. */
  const list = async <T>(schema: z.ZodType<{ items: T[] }>, path: string, parameters: Record<string, string>): Promise<T[]> => {
    const all: T[] = [];
    for (let page = 1; ; page++) {
      const query = new URLSearchParams({ ...parameters, per_page: String(pageSize), page: String(page) });
      const { items } = await call(schema, 'GET', `${path}?${query.toString()}`);
      all.push(...items);
      if (items.length < pageSize) return all;
    }
  };

  return {
    find: async (queue, word) => {
      const tickets = await list(found, 'tickets', { query: subjectQuery(oneLine('queue', queue), oneLine('subject', word)), fields: 'Subject,Status' });
      return newestFirst(tickets.map(({ id, Subject, Status }) => ({ id, subject: Subject ?? '', status: Status ?? '' })).filter(({ subject }) => hasWord(subject, word)));
    },
    create: async ({ queue, subject, text, requestor, cc = [] }: NewTicket) => {
      const ticket = { Queue: queue, Subject: oneLine('subject', subject), Content: text, ContentType: 'text/plain', ...(requestor === undefined ? {} : { Requestor: oneLine('requestor', requestor) }), ...(cc.length === 0 ? {} : { Cc: cc.map((address) => oneLine('recipients', address)) }) };
      return (await call(created, 'POST', 'ticket', ticket)).id;
    },
    add: async (id, kind, text) => {
      await call(messages, 'POST', `ticket/${id}/${kind === 'reply' ? 'correspond' : 'comment'}`, { Content: text, ContentType: 'text/plain' });
    },
    edit: async (id, { subject, status }) => {
      const change = { ...(subject === undefined ? {} : { Subject: oneLine('subject', subject) }), ...(status === undefined ? {} : { Status: status }) };
      const answers = await call(messages, 'PUT', `ticket/${id}`, change);
      // A refusal has status 200, too.
      const refusal = answers.find((answer) => !/ changed (?:from|to) /u.test(answer));
      if (refusal !== undefined) throw new OperationError(/permission/iu.test(refusal) ? 'PermissionDenied' : 'ContractError', `The ticket system at ${server.url} says: ${refusal}`);
    },
    holds: async (id, text) => {
      const all = await list(attachments, `ticket/${id}/attachments`, { fields: 'Content' });
      // Every ticket has a message; an unknown or forbidden one looks empty.
      if (all.length === 0) throw new OperationError('NotFound', `The ticket system at ${server.url} shows no messages of ticket ${id}: it does not exist, or we may not read it.`);
      return all.some(({ Content }) => Content?.includes(text) === true);
    },
  };
}

function jsonOf({ text }: Answer): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const remark = z.object({ message: z.string() });

function remarkOf(answer: Answer): string {
  const read = remark.safeParse(jsonOf(answer));
  return read.success ? read.data.message.slice(0, 300) : String(answer.status);
}
