import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { SearchAttributeUpdatePair } from '@temporalio/common';
import { attributes } from './attributes.ts';

export interface RunState {
  pipeline: string;
  subject: string;
  /** Where it comes from, for pipelines that have instruments. */
  instrument?: string;
  /** Keys of what it has to finish, for pipelines whose runs have cells. */
  openCells?: readonly string[];
  state: string;
  /** The run waits for a person. */
  attention: boolean;
  errorType?: string;
}

/**
 * Tells Temporal's lists and pages how a run stands. Writes search attributes only when one changed: each write is a
 * history event.
 */
export function runStateTeller(): (state: RunState, details: string) => void {
  let told = '';
  return (state, details) => {
    setCurrentDetails(details);
    const key = JSON.stringify([state.pipeline, state.subject, state.instrument ?? null, state.openCells ?? null, state.state, state.attention, state.errorType ?? null]);
    if (key === told) return;
    told = key;
    const pairs: SearchAttributeUpdatePair[] = [
      { key: attributes.pipeline, value: state.pipeline },
      { key: attributes.subject, value: state.subject },
      ...(state.instrument === undefined ? [] : [{ key: attributes.instrument, value: state.instrument }]),
      ...(state.openCells === undefined ? [] : [{ key: attributes.openCells, value: state.openCells.length === 0 ? null : [...state.openCells] }]),
      { key: attributes.state, value: state.state },
      { key: attributes.attention, value: state.attention },
      { key: attributes.errorType, value: state.errorType ?? null },
    ];
    upsertSearchAttributes(pairs);
  };
}
