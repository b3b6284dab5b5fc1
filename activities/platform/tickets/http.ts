import { OperationError } from '../../../domain/errors.ts';
import { systemErrorCode } from '../files/file-error.ts';
import type { TicketServer } from './system.ts';

export interface Answer {
  status: number;
  text: string;
}

/** A history with thousands of messages fits; what never ends does not. */
const maxBytes = 32 * 2 ** 20;
const defaultTimeoutMs = 60_000;

/**
 * One request to the ticket system. Throws `DependencyDown` (no connection, no answer in time, a server's own failure), `TransportError` (the answer broke off),
 * `PermissionDenied` (credentials refused); other statuses are for the caller to judge.
 */
export async function ask(server: TicketServer, path: string, init: Omit<RequestInit, 'headers'> & { headers: Record<string, string> }, signal: AbortSignal | undefined): Promise<Answer> {
  const url = `${server.url.replace(/\/+$/u, '')}/REST/${path}`;
  const patience = AbortSignal.timeout(server.timeoutMs ?? defaultTimeoutMs);
  const down = (why: string, cause?: unknown): OperationError => new OperationError('DependencyDown', `The ticket system at ${server.url} ${why}.`, { cause });
  // A connection for each: an answer that comes twice must not be taken for that of the next question.
  const headers = { ...init.headers, connection: 'close' };
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers, redirect: 'manual', signal: signal === undefined ? patience : AbortSignal.any([signal, patience]) });
  } catch (error) {
    signal?.throwIfAborted();
    if (patience.aborted) throw down('does not answer in time');
    throw down(`cannot be reached (${systemErrorCode(error instanceof Error ? error.cause : error) ?? 'no connection'})`);
  }
  const text = await body(response).catch((error: unknown) => {
    signal?.throwIfAborted();
    if (patience.aborted) throw down('does not answer in time');
    if (error instanceof OperationError) throw error;
    throw new OperationError('TransportError', `The ticket system at ${server.url} broke off in its answer.`);
  });
  if (response.status >= 500 || response.status === 429) throw down(`answers with ${response.status}`);
  if (response.status === 401) throw refused(server);
  return { status: response.status, text };
}

export const refused = (server: TicketServer): OperationError => new OperationError('PermissionDenied', `The ticket system at ${server.url} refuses our credentials.`);

/** An answer that is none, with its beginning. */
export function senseless(server: TicketServer, { status, text }: Answer): OperationError {
  const said = text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim().slice(0, 120);
  return new OperationError('ExternalToolFailed', `The ticket system at ${server.url} gave an answer without sense (status ${status}: “${said}”).`);
}

/** A value that would end up in a header or a form line. */
export function oneLine(what: string, text: string): string {
  if (/[\p{Cc}\u2028\u2029]/u.test(text)) throw new OperationError('ContractError', `The ${what} of a ticket holds a line break or a control character.`);
  return text;
}

async function body(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new OperationError('ExternalToolFailed', 'The ticket system answers without end.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
