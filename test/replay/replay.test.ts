/** Every recorded history must be replayed by today's workflows; what cannot be would break runs that are open at a site. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DeterminismViolationError } from '@temporalio/workflow';
import { Worker } from '@temporalio/worker';
import { workflowTypes as sequencingTypes } from '../../workflows/sequencing/contract.ts';
import { workflowTypes } from '../../workflows/storage/contract.ts';
import { historiesDirectory, quietRuntime, workflowBundle } from '../support/workflow-world.ts';

interface Recorded {
  events: { eventType: string; activityTaskScheduledEventAttributes?: { activityType: { name: string } }; workflowExecutionStartedEventAttributes?: { workflowId?: string } }[];
}

const read = async (file: string): Promise<Recorded> => JSON.parse(await readFile(file, 'utf8')) as Recorded;
const replay = async (history: Recorded): Promise<void> =>
  Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, historyFromJSON(history), history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId);

describe('recorded histories', function () {
  this.timeout(60_000);
  let recorded: { type: string; scenario: string; file: string }[] = [];

  before(async () => {
    quietRuntime();
    const files = await readdir(historiesDirectory, { recursive: true });
    recorded = files.filter((file) => file.endsWith('.json')).map((file) => ({ type: path.dirname(file), scenario: path.basename(file, '.json'), file: path.join(historiesDirectory, file) }));
  });

  it('are of workflows that exist, and every workflow has one', () => {
    const types = new Set(recorded.map((each) => each.type));
    assert.deepEqual([...types].sort(), [...Object.values(workflowTypes), ...Object.values(sequencingTypes)].sort());
  });

  it('replay with the workflows of today', async () => {
    for (const { type, scenario, file } of recorded) {
      await replay(await read(file)).catch((error: unknown) => assert.fail(`${type}/${scenario}: ${error instanceof Error ? error.message : String(error)}`));
    }
  });

  it('do not replay when a workflow would do something else (negative control)', async () => {
    const history = await read(path.join(historiesDirectory, workflowTypes.volume, 'loaded.json'));
    const read1 = history.events.find((event) => event.activityTaskScheduledEventAttributes?.activityType.name === 'readScan');
    assert.ok(read1?.activityTaskScheduledEventAttributes);
    read1.activityTaskScheduledEventAttributes.activityType.name = 'readSomethingElse';
    await assert.rejects(replay(history), DeterminismViolationError);
  });
});
