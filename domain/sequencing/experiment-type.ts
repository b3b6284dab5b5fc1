/** What kind of run it is, by its name. Decided once and stored in `pipeline/type.yaml`, where a person may change it. */

export const experimentTypes = ['internal', 'visitor', 'test', 'unknown'] as const;
export type ExperimentTypeName = (typeof experimentTypes)[number];

export interface ExperimentType {
  type: ExperimentTypeName;
  /** The visitor's account, in small letters; only for visitors. */
  uun?: string;
}

const dateAndInstrument = /^\d{8}_[A-Z0-9]{3,}_/;

/** First match wins; the pattern meets what follows date and instrument. */
const rules: readonly { pattern: RegExp; type: ExperimentTypeName }[] = [
  { pattern: /^v[_-]+([a-z0-9]+)(?:[_-]|$)/i, type: 'visitor' },
  { pattern: /^[0-9]/, type: 'internal' },
  { pattern: /^/, type: 'test' },
];

/** The type of a run by its name; `unknown` without date and instrument in front. */
export function classifyExperiment(experiment: string): ExperimentType {
  const prefix = dateAndInstrument.exec(experiment);
  if (prefix === null) return { type: 'unknown' };
  const rest = experiment.slice(prefix[0].length);
  const { type, pattern } = rules.find((rule) => rule.pattern.test(rest))!;
  const uun = pattern.exec(rest)?.[1]?.toLowerCase();
  return uun === undefined ? { type } : { type, uun };
}

/** The content of `pipeline/type.yaml`, parsed, as a type; null when it is none. */
export function readExperimentType(document: unknown): ExperimentType | null {
  if (typeof document !== 'object' || document === null || !('type' in document)) return null;
  const type = experimentTypes.find((name) => name === document.type);
  if (type === undefined) return null;
  return 'uun' in document && typeof document.uun === 'string' && /^[a-z0-9]+$/.test(document.uun) ? { type, uun: document.uun } : { type };
}

/** What the processing of a complete cell is, by the run's type. */
export const processingOf: Readonly<Record<ExperimentTypeName, 'full' | 'checksums' | 'mark-finished'>> = {
  internal: 'full',
  visitor: 'checksums',
  test: 'mark-finished',
  unknown: 'mark-finished',
};
