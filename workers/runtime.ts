import { DefaultLogger, type LogEntry, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { WorkersConfig } from '../config/schema.ts';
import { freePort } from './free-port.ts';

/** One log line: JSON for collectors, text for terminals. Never carries inputs or results, so no secrets. */
export function logLine(entry: Pick<LogEntry, 'level' | 'message' | 'timestampNanos' | 'meta'>, format: WorkersConfig['logs']['format']): string {
  const time = new Date(Number(entry.timestampNanos / 1_000_000n)).toISOString();
  const { taskToken: _token, ...meta } = entry.meta ?? {};
  if (format === 'json') {
    return JSON.stringify({ time, level: entry.level.toLowerCase(), message: entry.message, ...meta }, (_key, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value instanceof Error ? { type: value.name, message: value.message, stack: value.stack } : value,
    );
  }
  const about = ['workflowId', 'activityType', 'volume', 'date'].flatMap((key) => (meta[key] === undefined ? [] : [`${key}=${String(meta[key])}`]));
  const error: unknown = meta['error'];
  const shown = [time, entry.level.padEnd(5), entry.message, ...about, ...(error instanceof Error ? [error.message] : [])];
  // A name from outside must not move the cursor or colour the terminal.
  // oxlint-disable-next-line no-control-regex
  return shown.join(' ').replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

let installed: { metricsAddress: string | null } | undefined;

/**
 * Installs the SDK's runtime: logger and metrics. Once a process: later calls get what the first one installed.
 * @returns where `/metrics` is, or null when it is off.
 */
export async function installRuntime(config: Pick<WorkersConfig, 'logs' | 'metrics'>): Promise<{ metricsAddress: string | null }> {
  if (installed !== undefined) return installed;
  const metricsAddress = config.metrics.port === 0 ? null : `${config.metrics.host}:${await freePort(config.metrics.port, config.metrics.host)}`; // a second worker on one host must not fail for its metrics
  const write = (entry: LogEntry): void => {
    // A worker serves workflows or activities, never both: that it has none of the other is no news.
    if (/^No (activities|workflows) registered/.test(entry.message)) return;
    process.stderr.write(`${logLine(entry, config.logs.format)}\n`);
  };
  Runtime.install({
    // Signals are the program's business: it also has a stack, databases and a health server to stop.
    shutdownSignals: [],
    logger: new DefaultLogger(config.logs.level === 'warn' ? 'WARN' : config.logs.level === 'error' ? 'ERROR' : config.logs.level === 'debug' ? 'DEBUG' : 'INFO', write),
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
      ...(metricsAddress === null ? {} : { metrics: { prometheus: { bindAddress: metricsAddress, countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true, histogramBucketOverrides: { longshore_scan: [1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 21_600] } } } }),
    },
  });
  installed = { metricsAddress };
  return installed;
}
