/** The level between the root of raw copies and the runs: none, the year or the month of the run's name. Products never have it. */
import { OperationError } from '../errors.ts';

export type Batching = 'none' | 'year' | 'month';

const rules: Readonly<Record<Batching, { of: RegExp; text: (parts: RegExpExecArray) => string; directory: RegExp | null; expected: string }>> = {
  none: { of: /^/, text: () => '', directory: null, expected: '' },
  year: { of: /^(\d{4})/, text: ([, year]) => year!, directory: /^\d{4}$/, expected: 'four digits of a year' },
  month: { of: /^(\d{4})(0[1-9]|1[0-2])/, text: ([, year, month]) => `${year}-${month}`, directory: /^\d{4}-\d{2}$/, expected: 'six digits of a year and a month' },
};

/** The batch directory of a run, `''` without batches. Throws `ContractError` for a run whose name has no such date. */
export function batchOf(experiment: string, batching: Batching): string {
  const { of, text, expected } = rules[batching];
  const parts = of.exec(experiment);
  if (parts === null) throw new OperationError('ContractError', `The run “${experiment}” has no place in batches by ${batching}: expected a name that starts with ${expected}.`);
  return text(parts);
}

/** A run's directory, relative to the root of raw copies. */
export function runPath(experiment: string, batching: Batching): string {
  const batch = batchOf(experiment, batching);
  return batch === '' ? experiment : `${batch}/${experiment}`;
}

/** True for a directory that holds runs of a batch, however long ago: old runs get new cells too. */
export function isBatchDirectory(name: string, batching: Batching): boolean {
  return rules[batching].directory?.test(name) ?? false;
}
