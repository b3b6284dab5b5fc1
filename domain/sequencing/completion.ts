/** When a cell counts as complete here (synced): its end marker is here, and so is everything that was written before it. */
import { type CountedType, countedTypes, type FinalSummary } from './final-summary.ts';

export interface CompletionFacts {
  /** The end marker's name in the copy here; null while there is none. */
  endMarker: string | null;
  /** Whether the instrument has the cell. `unknown`: its listing failed. */
  upstream: 'listed' | 'absent' | 'unknown';
  /**
   * How the last pass over the cell that began after its end marker was seen upstream ended: `compared` is a full comparison
   * that found nothing to do or did it; `appended` trusts what is here already.
   */
  pass: 'none' | 'failed' | 'appended' | 'compared';
}

export type Completion = { complete: true } | { complete: false; reason: string };

const rules: readonly { when: (facts: CompletionFacts) => boolean; result: Completion }[] = [
  { when: ({ endMarker }) => endMarker === null, result: { complete: false, reason: 'the end marker is not here yet' } },
  { when: ({ pass }) => pass === 'compared', result: { complete: true } },
  { when: ({ upstream }) => upstream === 'unknown', result: { complete: false, reason: 'the instrument does not answer, so that nobody knows whether the copy is whole' } },
  { when: ({ upstream }) => upstream === 'listed', result: { complete: false, reason: 'one full comparison with the instrument has still to be made' } },
  // The end marker is small and arrives before the data.
  { when: ({ pass }) => pass === 'failed', result: { complete: false, reason: 'its last copy was broken off, and the instrument does not have it any more' } },
  // A local run, or one that the instrument has no more: the files’ count is the check that is left.
  { when: ({ upstream }) => upstream === 'absent', result: { complete: true } },
];

/** Whether a cell is complete, and if not, what it waits for. */
export function completionOf(facts: CompletionFacts): Completion {
  return rules.find(({ when }) => when(facts))!.result;
}

/** The second safety net: a type whose files here are not as many as the instrument says it wrote. */
export interface CountMismatch {
  type: CountedType;
  found: number;
  expected: number;
}

/** Compares files found (pass, fail, skip, all barcodes, packed or not) with the final summary; a count that it does not give is not checked. */
export function countMismatches(found: Readonly<Record<CountedType, number>>, summary: Pick<FinalSummary, 'files'>): CountMismatch[] {
  return countedTypes.flatMap((type) => {
    const expected = summary.files[type].finalDest;
    return expected === null || expected === found[type] ? [] : [{ type, found: found[type], expected }];
  });
}
