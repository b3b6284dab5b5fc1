/** `longshore sequencing status`: the status of one run directory, here and now, without a server, a database or a configuration. */
import type { Command } from 'commander';
import type { RunDirectory } from '../../../activities/sequencing/run-directory.ts';
import { OperationError } from '../../../domain/errors.ts';
import { type Cell, cellStateCodes, cellStateMeanings, deriveCells, type Rules } from '../../../domain/sequencing/cell-state.ts';
import { flagsOfCell } from '../../../domain/sequencing/flags.ts';
import { type ListedCell, nothingKnown, parseListing, type RunUpstream, upstreamOf } from '../../../domain/sequencing/listing.ts';
import { instrumentOf } from '../../../domain/sequencing/names.ts';
import { deriveStatus, statusMeanings } from '../../../domain/sequencing/run-status.ts';
import { statusFields, type StatusReport } from '../../../domain/sequencing/status-fields.ts';
import { globalOptions } from '../context.ts';
import { note, paint, print, printJson, type RowColumn, rowTable, safeText, shorten, terminalWidth } from '../output.ts';
import { cellStyles } from './text.ts';

interface StatusOptions {
  upstream?: string;
  original?: boolean;
}

export function registerStatus(sequencing: Command): void {
  sequencing
    .command('status <dir>')
    .description('status of one run directory; needs no server')
    .option('--upstream <file>', 'cells upstream, a line each: run TAB location TAB\nlibrary/cell; - for standard input')
    .option('--original', 'by the original’s rules to the letter, faults included')
    .action(async (directory: string, options: StatusOptions, command: Command) => {
      const { readRunDirectory } = await import('../../../activities/sequencing/run-directory.ts');
      const [run, listing] = [await readRunDirectory(directory), options.upstream === undefined ? null : await readListing(options.upstream)];
      const report = statusOf(run, listing === null ? nothingKnown : upstreamOf(listing, run.experiment), options.original === true ? 'original' : 'longshore');
      if (globalOptions(command).json) return printJson(asDocument(run, report));
      print(process.stdout.isTTY ? renderStatus(report, terminalWidth()) : fieldLines(report));
      for (const warning of run.warnings) note(safeText(warning));
    });
}

/** The listing in a file. Throws `NotFound`, `PermissionDenied`, and `InputCorrupt` with file and line. */
async function readListing(file: string): Promise<ListedCell[]> {
  const name = file === '-' ? 'standard input' : file;
  return parseListing(decoded(await bytesOf(file), name), name);
}

async function bytesOf(file: string): Promise<Uint8Array> {
  if (file === '-') return (await import('node:stream/consumers')).buffer(process.stdin);
  const [{ readFile }, { fileError }] = await Promise.all([import('node:fs/promises'), import('../../../activities/platform/files/file-error.ts')]);
  try {
    return await readFile(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EISDIR') throw new OperationError('InputCorrupt', `${file} is a directory: expected a listing.`, { place: { file }, cause: error });
    throw fileError(error, `read the listing ${file}`, file);
  }
}

function decoded(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new OperationError('InputCorrupt', `${name} is not UTF-8 text.`, { place: { file: name }, cause });
  }
}

/** The status of a run directory under what is known of its instrument. */
export function statusOf(run: RunDirectory, upstream: RunUpstream, rules: Rules): StatusReport {
  const cells = deriveCells({ flags: run.flags, local: run.cells, upstream }, rules);
  return {
    experiment: run.experiment,
    instrument: instrumentOf(run.experiment),
    type: run.flags.type?.type ?? 'unknown',
    upstream,
    cells,
    startTime: run.oldest === null ? null : clockText(new Date(run.oldest * 1000)),
    // How long a run may rest is configuration, which this command does without.
    status: deriveStatus({ flags: run.flags, cells: cells.map(({ state }) => state), outputResolves: run.outputResolves, stalled: false }, rules),
  };
}

/** Local time as C's ctime writes it, for that is what readers of the original's fields parse. */
function clockText(time: Date): string {
  const [weekday, month, , year, clock] = time.toString().split(' ');
  return `${weekday} ${month} ${String(time.getDate()).padStart(2)} ${clock} ${year}`;
}

/** One field a line, as scripts read them. Tabs separate the cells of a list; any other control character is shown. */
function fieldLines(report: StatusReport): string {
  return statusFields(report)
    .map(([field, values]) => `${field}: ${values.map(safeText).join('\t')}`)
    .join('\n');
}

/** What a state means is left out where the names of cells need the room. */
const roomForMeanings = 110;

/** The report as people read it, in `width` columns. */
export function renderStatus(report: StatusReport, width: number): string {
  const fields = statusFields(report).filter(([field]) => !field.startsWith('Cells'));
  const label = Math.max(...fields.map(([field]) => field.length)) + 2;
  const heading = fields.map(([field, [value = '']]) => {
    const text = field === 'PipelineStatus' ? `${value}: ${statusMeanings[report.status]}` : value;
    return `${paint('quiet', field.padEnd(label))}${shorten(safeText(text), width - label, 'middle')}`;
  });
  if (report.cells.length === 0) return [...heading, '', 'No cells.'].join('\n');
  const columns: RowColumn<Cell>[] = [
    { title: 'State', cell: ({ state }) => ({ text: state, style: cellStyles[state] }) },
    { title: 'Cell', shrink: 'middle', cell: ({ cell, key }) => cell ?? `(only recorded) ${key}` },
    { from: roomForMeanings, title: 'Meaning', cell: ({ state }) => cellStateMeanings[state] },
  ];
  return [...heading, '', rowTable(columns, report.cells, width)].join('\n');
}

/** The report as data. */
function asDocument(run: RunDirectory, { experiment, instrument, type, upstream, cells, status }: StatusReport) {
  return {
    experiment,
    instrument,
    type,
    upstream: upstream.state === 'listed' ? upstream.location : null,
    recordedUpstream: run.flags.upstream,
    listing: upstream.state,
    startTime: run.oldest === null ? null : new Date(run.oldest * 1000).toISOString(),
    status,
    meaning: statusMeanings[status],
    failure: run.flags.failed,
    cells: cells.map((cell) => cellDocument(run, cell)),
    warnings: run.warnings,
  };
}

function cellDocument(run: RunDirectory, { cell, key, state, present, upstreamCell }: Cell) {
  const { failed: failure } = flagsOfCell(run.flags, key);
  return { cell, key, state, code: cellStateCodes[state], meaning: cellStateMeanings[state], present, upstreamCell, endMarkers: cell === null ? [] : (run.endMarkers[cell] ?? []), failure };
}
