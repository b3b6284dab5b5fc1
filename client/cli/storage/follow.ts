import { createLogUpdate } from 'log-update';
import type { ReportHandle, ReportSnapshot } from '../../index.ts';
import { note, safeText } from '../output.ts';
import { liveLines, outcomeText } from './render.ts';

/**
 * Shows a report's progress on standard error until it is done or waits for a person: a live line a volume on a terminal,
 * else a line whenever a volume's state changes.
 * @returns the last snapshot.
 */
export async function follow(report: ReportHandle, options: { signal?: AbortSignal; quiet?: boolean } = {}): Promise<ReportSnapshot> {
  const { signal, quiet = false } = options;
  const live = process.stderr.isTTY && !quiet;
  const draw = createLogUpdate(process.stderr);
  const told = new Map<string, string>();
  let last: ReportSnapshot | undefined;
  for await (const snapshot of report.watch({ intervalMs: 250, ...(signal === undefined ? {} : { signal }) })) {
    last = snapshot;
    if (live) draw(liveLines(snapshot, process.stderr.columns, process.stderr.rows - 1));
    else if (!quiet) tellChanges(snapshot, told);
  }
  if (live) draw.done();
  if (last === undefined) throw new Error('a watched report yields at least one snapshot');
  return last;
}

function tellChanges(snapshot: ReportSnapshot, told: Map<string, string>): void {
  for (const [name, trouble] of Object.entries(snapshot.troubles)) {
    if (told.get(`! ${name}`) === trouble) continue;
    told.set(`! ${name}`, trouble);
    note(`${safeText(name)}  ${safeText(trouble)}`);
  }
  for (const each of snapshot.volumes) {
    if (each.state === 'queued' || told.get(each.volume) === each.state) continue;
    told.set(each.volume, each.state);
    note(`${safeText(each.volume)}  ${safeText(outcomeText(each))}`);
  }
}
