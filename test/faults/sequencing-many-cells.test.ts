/** A run of many cells: what it costs in history, and that nothing of it is lost. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { instrumentId, processingId, runId } from '../../workflows/sequencing/contract.ts';
import { SimulatedCell } from '../support/instrument/index.ts';
import { type Night, spec } from '../support/night.ts';
import { night, nightsMs } from '../support/nights.ts';

const cells = 60;
/** Of one execution, so that a worker that has never seen it is back within a task's time. */
const mostEvents = 2_000;

/** Events of each execution of a workflow, the newest first. */
async function histories(night: Night, workflowId: string): Promise<number[]> {
  const lengths: number[] = [];
  for (let execution: string | undefined = (await night.client.workflow.getHandle(workflowId).describe()).runId; execution; ) {
    const { events }: Awaited<ReturnType<WorkflowHandle['fetchHistory']>> = await night.client.workflow.getHandle(workflowId, execution).fetchHistory();
    lengths.push(events!.length);
    execution = events![0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? undefined;
  }
  return lengths;
}

describe('a run of 60 cells', function () {
  this.timeout(nightsMs);

  const lengths: Record<string, number[]> = {};
  const many = night(
    async (night) => {
      await rm(path.join(night.data, spec.experiment), { recursive: true });
      for (let cell = 0; cell < cells; cell++) {
        await new SimulatedCell(night.data, { experiment: spec.experiment, library: `11685BN${cell % 7}`, started: spec.started, position: `${cell}A`, seed: cell, files: { pass: 1, fail: 0 }, readsPerFile: 1, rawBytes: 10 }).finish();
      }
      await night.work();
      await night.poll();
      const { processing } = await night.until(({ status }) => status === 'complete');
      assert.equal(processing, null);
      const experiment = await night.experiment();
      const [run] = await night.query('select processings from run');
      for (const id of [instrumentId(night.label), runId(experiment), ...Array.from({ length: Number(run!['processings']) }, (_, number) => processingId(experiment, number + 1))]) lengths[id] = await histories(night, id);
    },
    { mounted: true },
  );

  it('goes through: each cell is complete, processed and told of once', async () => {
    const { tables, files, mails } = await many();
    const of = (kind: string): string[] => (tables['event'] as { kind: string; cell_key: string }[]).filter((event) => event.kind === kind).map(({ cell_key }) => cell_key);
    const keys = (tables['cell'] as { cell_key: string; state: string }[]).filter(({ state }) => state === 'PROCESSED').map(({ cell_key }) => cell_key);
    assert.equal(keys.length, cells);
    for (const kind of ['cell-complete', 'processing-done']) assert.deepEqual(of(kind).toSorted(), keys.toSorted(), kind);
    assert.equal(Object.keys(files).filter((name) => name.startsWith('products/') && name.endsWith('.fastq.gz')).length, cells);
    assert.equal(mails.length, tables['outbox']!.length);
  });

  it('keeps every history within its bound', async () => {
    await many();
    for (const [id, counts] of Object.entries(lengths)) assert.ok(counts.every((count) => count <= mostEvents), `${id}: ${counts.join(', ')} events`);
  });
});
