/** The typed client: how other tools start Longshore's pipelines and ask about them. */
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { createSequencing, type Sequencing } from './sequencing.ts';
import { createStorage, type Storage } from './storage.ts';

export type { Backfill, StartBackfill } from './storage-backfill.ts';
export type { ReportHandle, ReportSnapshot, StartReport, Storage } from './storage.ts';
export type { InstrumentHandle, RunHandle, RunProgress, Sequencing } from './sequencing.ts';
export type { BackfillStatus, GrowthResult, PassProgress, ProductOutcome, ReportResult, ReportState, ReportStatus, VolumeOutcome, VolumeState } from '../workflows/storage/contract.ts';
export type { By, CellView, CopyProgress, ImportProgress, ImportResult, InstrumentStatus, PartProgress, Poll, RunView, TickResult } from '../workflows/sequencing/contract.ts';

export interface Longshore {
  storage: Storage;
  sequencing: Sequencing;
  /** The Temporal client underneath, for what has no function here. */
  temporal: Client;
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** host:port of the Temporal frontend; the standard environment configuration (TEMPORAL_ADDRESS, …) when absent. */
  address?: string;
  namespace?: string;
}

/**
 * Connects to Temporal. Address, namespace, TLS and API key come from the standard environment configuration
 * (TEMPORAL_* variables, or a profile file shared with the `temporal` command) unless given.
 * Rejects when the server does not answer within ten seconds.
 */
export async function connect(options: ConnectOptions = {}): Promise<Longshore> {
  const configured = loadClientConnectConfig();
  const connection = await Connection.connect({
    ...configured.connectionOptions,
    ...(options.address === undefined ? {} : { address: options.address }),
    connectTimeout: '10 seconds',
  });
  const namespace = options.namespace ?? configured.namespace;
  const temporal = new Client({ connection, ...(namespace === undefined ? {} : { namespace }) });
  return { storage: createStorage(temporal), sequencing: createSequencing(temporal), temporal, close: () => connection.close() };
}
