/** What a command finds ready: its configuration, the way to Temporal, and a signal for Ctrl-C. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { Config } from '../../config/schema.ts';
import { OperationError } from '../../domain/errors.ts';
import { localDirectory, projectRoot } from '../../infra/local/layout.ts';
import type { StackFile } from '../../infra/local/stack-file.ts';
import type { Longshore } from '../index.ts';
import { exitCodes } from './exit-codes.ts';

export interface GlobalOptions {
  config?: string;
  json: boolean;
}

/** Where Temporal is. */
export interface TemporalTarget {
  /** host:port */
  address: string;
  namespace: string;
}

export interface CommandContext {
  config: Config;
  /** Where the configuration came from; null: all defaults. */
  configFile: string | null;
  json: boolean;
  /** Aborted by Ctrl-C and by SIGTERM. */
  signal: AbortSignal;
  temporal: TemporalTarget;
  /** The client, connected at the first call and closed after the command. Throws `DependencyDown` when Temporal does not answer. */
  connect(): Promise<Longshore>;
}

/** After an interrupt, commands that do not listen to it are ended anyway. */
const patienceMilliseconds = 2000;

/** Runs a command's work with all that it needs, and tidies up after it. */
export async function withContext(command: Command, work: (context: CommandContext) => Promise<void>): Promise<void> {
  const { json } = globalOptions(command);
  const stack = await localStack();
  const { config, file } = await configOf(command, stack);
  const temporal = await temporalTarget(stack);
  let connecting: Promise<Longshore> | undefined;
  let connected: Longshore | undefined;
  const connect = (): Promise<Longshore> => (connecting ??= connectTo(temporal).then((longshore) => (connected = longshore)));
  try {
    await interruptible((signal) => work({ config, configFile: file, json, signal, temporal, connect }));
  } finally {
    await connected?.close();
  }
}

/** Connects the client. Throws `DependencyDown` when Temporal does not answer. */
export async function connectTo(target: TemporalTarget): Promise<Longshore> {
  const { connect } = await import('../index.ts');
  try {
    return await connect(target);
  } catch (cause) {
    throw new OperationError('DependencyDown', `Temporal does not answer at ${target.address}: start it, or say where it is with TEMPORAL_ADDRESS.`, { cause });
  }
}

export function globalOptions(command: Command): GlobalOptions {
  const { config, json } = command.optsWithGlobals<Partial<GlobalOptions>>();
  return { ...(config !== undefined && { config }), json: json === true };
}

/** The configuration that counts for a command; see docs/configuration.md for the order. */
export async function configOf(command: Command, stack: StackFile | null): Promise<{ config: Config; file: string | null }> {
  const { config: file } = globalOptions(command);
  const { loadConfig } = await import('../../config/load.ts');
  if (file !== undefined) return loadConfig({ file });
  if (process.env['LONGSHORE_CONFIG'] || stack === null) return loadConfig();
  return loadConfig(stack.config === null ? { cwd: projectRoot } : { file: stack.config });
}

/** Temporal's standard environment and profiles, else the local stack, else the usual port of this host. */
export async function temporalTarget(stack: StackFile | null): Promise<TemporalTarget> {
  const { connectionOptions, namespace = 'default' } = await environmentConnection();
  return { address: connectionOptions.address ?? stack?.address ?? 'localhost:7233', namespace };
}

async function environmentConnection() {
  const { loadClientConnectConfig } = await import('@temporalio/envconfig');
  try {
    return loadClientConnectConfig();
  } catch (cause) {
    throw new OperationError('ConfigError', `Temporal's environment or profile cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** The local stack of this checkout, when it runs and nobody named another server. */
export async function localStack(directory: string = localDirectory): Promise<StackFile | null> {
  if (!existsSync(directory)) return null;
  const { readStackFile } = await import('../../infra/local/stack-file.ts');
  const stack = await readStackFile(directory);
  return stack !== undefined && (await environmentConnection()).connectionOptions.address === undefined ? stack : null;
}

/** Runs `work` with a signal for interrupts; a second interrupt, or patience's end, ends the process. */
async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const leave = (): void => process.exit(exitCodes.interrupted.code);
  const stop = (): void => {
    if (controller.signal.aborted) leave();
    controller.abort();
    process.exitCode = exitCodes.interrupted.code;
    setTimeout(leave, patienceMilliseconds).unref();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    await work(controller.signal);
  } catch (error) {
    // What an interrupted command throws is the interrupt's echo.
    if (!controller.signal.aborted) throw error;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    if (controller.signal.aborted) process.exitCode = exitCodes.interrupted.code;
  }
}
