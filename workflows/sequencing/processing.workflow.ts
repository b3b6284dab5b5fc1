import { CancellationScope, isCancellation, proxyActivities, setHandler } from '@temporalio/workflow';
import { cellKey } from '../../domain/sequencing/names.ts';
import { forOutputs } from '../platform/policies.ts';
import { problemOf } from '../platform/problems.ts';
import { runStateTeller } from '../platform/run-state.ts';
import { pipeline, processingEnded, processingId, type ProcessingInput, type ProcessingPlan, type ProcessingResult, runId, type SequencingFileActivities, skipCells, taskQueues } from './contract.ts';
import { checkId, tell } from './entity.ts';

const files = proxyActivities<SequencingFileActivities>({ ...forOutputs, taskQueue: taskQueues.processing });

/** Cells at work at the same time; the worker's slots are the limit of a host. */
const concurrency = 2;

type Outcome = ProcessingResult['cells'][number];

/**
 * One processing of a run: the inventory, then cell by cell its batches, then what joins them. A bad cell fails alone. How it
 * came out is its result, and is told to the run, which may have continued as new meanwhile.
 */
export async function sequencingProcessingWorkflow(input: ProcessingInput): Promise<ProcessingResult> {
  checkId(processingId(input.experiment, input.number), `processing ${input.number} of ${input.experiment}`);
  const skipped = new Set<string>();
  const working = new Map<string, CancellationScope>();
  setHandler(skipCells, ({ keys }) => {
    for (const key of keys) {
      skipped.add(key);
      working.get(key)?.cancel();
    }
  });
  const outcomes: Outcome[] = [];
  const warnings: string[] = [];
  const tellState = runStateTeller();
  const tellAll = (state: 'running' | 'done'): void =>
    tellState(
      { pipeline, subject: input.experiment, state, attention: false },
      [`**${input.experiment}**, processing ${input.number}: ${outcomes.length} of ${input.process.length} cells.`, '', ...outcomes.map(({ key, text }) => `- \`${key}\` ${text}`), ...warnings.map((warning) => `- ${warning}`)].join('\n'),
    );

  const processCell = async ({ key, cell, parts }: ProcessingPlan['cells'][number]): Promise<Outcome> => {
    if (skipped.has(key)) return { key, state: 'stopped', text: 'stopped by a person' };
    const scope = new CancellationScope();
    working.set(key, scope);
    const about = { experiment: input.experiment, number: input.number, kind: input.kind, cell };
    try {
      return await scope.run(async () => {
        for (let part = 0; part < parts; part++) {
          const { processPart } = proxyActivities<SequencingFileActivities>({ ...forOutputs, taskQueue: taskQueues.processing, summary: `${cell}, part ${part + 1} of ${parts}` });
          await processPart({ ...about, part });
        }
        const { text } = await files.finishCell({ ...about, parts });
        return { key, state: 'done', text };
      });
    } catch (error) {
      if (isCancellation(error)) {
        if (!skipped.has(key)) throw error;
        return { key, state: 'stopped', text: 'stopped by a person' };
      }
      return failed(key, error);
    } finally {
      working.delete(key);
    }
  };

  tellAll('running');
  try {
    const plan = await files.planProcessing(input);
    outcomes.push(...plan.problems.map(({ key, problem }): Outcome => ({ key, state: 'failed', problem, text: problem.message })));
    warnings.push(...plan.warnings);
    const queue = [...plan.cells];
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        outcomes.push(await processCell(next));
        tellAll('running');
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  } catch (error) {
    if (isCancellation(error)) throw error;
    for (const key of input.process.map(cellKey)) if (!outcomes.some((each) => each.key === key)) outcomes.push(failed(key, error));
  }
  tellAll('done');
  const result: ProcessingResult = { number: input.number, cells: outcomes, warnings };
  await tell(runId(input.experiment), processingEnded, result);
  return result;
}

function failed(key: string, error: unknown): Outcome {
  const problem = problemOf(error);
  return { key, state: 'failed', problem, text: problem.message };
}
