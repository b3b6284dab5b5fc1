/** `pipeline.log` beside a run's products: what scripts that copy them away look at to see whether anything has changed, and the mark that they leave last. */
import { appendFile, open } from 'node:fs/promises';
import { join } from 'node:path';
import { eventReason, eventWords } from '../../domain/sequencing/event-text.ts';
import type { Database } from '../platform/database/index.ts';
import { fileError, systemErrorCode } from '../platform/files/file-error.ts';
import { storedEvents, type StoredEvent } from './event-store.ts';

const pipelineLogName = 'pipeline.log';

/** Events of one second take less. */
const tailBytes = 256 * 1024;

/**
 * Appends a line for each event of the run that the file does not have yet: those after its last line, by their time. What a former
 * pipeline wrote there stays. Nothing is written where there are no products (any more).
 *
 * Throws `PermissionDenied`, `StorageFull`, and what the database throws. @param output directory of the run's products.
 */
export async function appendPipelineLog(db: Database, { experiment, output }: { experiment: string; output: string }): Promise<void> {
  const file = join(output, pipelineLogName);
  const tail = await tailOf(file);
  const written = new Set(tail.split('\n'));
  const last = [...written].findLast((line) => lineStart.test(line))?.slice(0, instantLength);
  const events = await storedEvents(db, { experiment, limit: Number.MAX_SAFE_INTEGER, ...(last === undefined ? {} : { from: last }) });
  const lines = [...new Set(events.map(lineOf))].filter((line) => !written.has(line));
  if (lines.length === 0) return;
  try {
    // A line that a killed writer left unfinished stays so.
    await appendFile(file, `${tail === '' || tail.endsWith('\n') ? '' : '\n'}${lines.join('\n')}\n`);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw fileError(error, `write ${file}`, file);
  }
}

const lineStart = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /u;
const instantLength = '2026-01-01T00:00:00.000Z'.length;

/** `2026-01-01T15:58:01.000Z ada 20260101_…: aborted (broken pores)` */
function lineOf(event: StoredEvent): string {
  const reason = eventReason(event);
  const text = `${event.at} ${event.actor} ${event.cell ?? event.experiment}: ${eventWords(event)}${reason === '' ? '' : ` (${reason})`}`;
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

/** The end of a file; empty text when there is none. */
async function tailOf(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      const start = Math.max(0, size - tailBytes);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return '';
    throw fileError(error, `read ${file}`, file);
  }
}
