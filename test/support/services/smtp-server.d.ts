/** The part of `smtp-server` that our tests use; the package brings no types. */
declare module 'smtp-server' {
  import type { Server } from 'node:net';
  import type { Readable } from 'node:stream';

  export interface SMTPAddress {
    address: string;
  }
  export interface SMTPSession {
    secure: boolean;
    user?: string;
    envelope: { mailFrom: SMTPAddress | false; rcptTo: SMTPAddress[] };
  }
  type Done = (error?: Error | null) => void;
  export interface SMTPServerOptions {
    authOptional?: boolean;
    secure?: boolean;
    key?: string;
    cert?: string;
    disabledCommands?: string[];
    logger?: boolean;
    onAuth?(auth: { username?: string; password?: string }, session: SMTPSession, done: (error: Error | null, accepted?: { user: string }) => void): void;
    onRcptTo?(address: SMTPAddress, session: SMTPSession, done: Done): void;
    onData?(stream: Readable, session: SMTPSession, done: Done): void;
  }
  export class SMTPServer {
    readonly server: Server;
    constructor(options: SMTPServerOptions);
    listen(port: number, host: string, listening: () => void): Server;
    close(closed: () => void): void;
    on(event: 'error', listener: (error: Error) => void): this;
  }
}
