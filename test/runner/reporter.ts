/**
 * Mocha's reporter for `npm test`: every event at once as one JSON line on standard output, marked by a record separator
 * (RFC 7464), so that it cannot be mistaken for what tests print.
 */
import { relative } from 'node:path';
import type { Runner, Test } from 'mocha';

export type ReportedEvent =
  /** The test that runs now: the culprit when no more events come. */
  | { event: 'begin' | 'pass' | 'skip'; file: string; title: string }
  | { event: 'fail'; file: string; title: string; message: string }
  /** Mocha came to its end by itself. */
  | { event: 'end' };

const mark = '\u001e';

/** The event in a line of output, or undefined when a test printed it. */
export function parseEvent(line: string): ReportedEvent | undefined {
  if (!line.startsWith(mark)) return undefined;
  const event: ReportedEvent = JSON.parse(line.slice(1));
  return event;
}

/** Mocha calls it with `new`. */
function LineReporter(runner: Runner): void {
  runner.on('test', (test) => emit({ event: 'begin', ...nameOf(test) }));
  runner.on('pass', (test) => emit({ event: 'pass', ...nameOf(test) }));
  runner.on('pending', (test) => emit({ event: 'skip', ...nameOf(test) }));
  runner.on('fail', (test, error: unknown) => emit({ event: 'fail', ...nameOf(test), message: explain(error) }));
  runner.on('end', () => emit({ event: 'end' }));
}

function emit(event: ReportedEvent): void {
  // A test may have left the cursor in the middle of a line.
  process.stdout.write(`\n${mark}${JSON.stringify(event)}\n`);
}

function nameOf(test: Test): { file: string; title: string } {
  return { file: test.file === undefined ? '' : relative(process.cwd(), test.file), title: test.titlePath().join(' › ') };
}

/** Message, stack without the frames of Node and of packages, and what caused it. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const lines = (error.stack ?? `${error.name}: ${error.message}`).split('\n');
  const own = lines.filter((line) => !/^\s+at .*(node_modules|node:)/.test(line)).join('\n');
  return error.cause === undefined ? own : `${own}\ncaused by: ${explain(error.cause)}`;
}

// Mocha loads a reporter with require(), which then gives the function itself.
export { LineReporter as 'module.exports' };
