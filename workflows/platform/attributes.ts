import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** Every search attribute that Longshore uses; `longshore setup` registers exactly these. Values carry no personal data. */
export const attributes = {
  pipeline: defineSearchAttributeKey('LongshorePipeline', SearchAttributeType.KEYWORD),
  /** What the run is about: a volume, a run, an observation. */
  subject: defineSearchAttributeKey('LongshoreSubject', SearchAttributeType.KEYWORD),
  /** Of runs: the instrument that they come from. */
  instrument: defineSearchAttributeKey('LongshoreInstrument', SearchAttributeType.KEYWORD),
  /** Of runs: the keys of their cells that are neither processed nor aborted; not set where there are none. */
  openCells: defineSearchAttributeKey('LongshoreOpenCells', SearchAttributeType.KEYWORD_LIST),
  state: defineSearchAttributeKey('LongshoreState', SearchAttributeType.KEYWORD),
  errorType: defineSearchAttributeKey('LongshoreErrorType', SearchAttributeType.KEYWORD),
  /** True while the run needs a person. */
  attention: defineSearchAttributeKey('LongshoreAttention', SearchAttributeType.BOOL),
  /** On schedules only: who made it, and the digest of its definition. */
  managedBy: defineSearchAttributeKey('LongshoreManagedBy', SearchAttributeType.KEYWORD),
  specHash: defineSearchAttributeKey('LongshoreSpecHash', SearchAttributeType.KEYWORD),
} as const;
