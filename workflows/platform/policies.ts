import type { ActivityOptions } from '@temporalio/workflow';

/**
 * Named option sets: every call site uses one of these, so that time-outs and retries are read and changed in one place.
 * Activities say themselves when a retry is useless (`domain/errors.ts`), so no policy lists error names.
 */

/** Looking at a directory of files: seconds, but a shared file system may be slow. */
export const forListing = {
  startToCloseTimeout: '5 minutes',
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '5 minutes' },
} satisfies ActivityOptions;

/** A few small statements. Long enough in total to sit out a database's restart or fail-over. */
export const forDatabase = {
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
} satisfies ActivityOptions;

/** A transaction over many rows, with a sign of life. */
export const forLoad = {
  startToCloseTimeout: '1 hour',
  scheduleToCloseTimeout: '4 hours',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
} satisfies ActivityOptions;

/** Many short questions to a service, with progress. */
export const forLookups = {
  startToCloseTimeout: '1 hour',
  scheduleToCloseTimeout: '3 hours',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '5 minutes', maximumAttempts: 10 },
} satisfies ActivityOptions;

/** One pass over a huge file. A lost worker is noticed by its silence. */
export const forPass = {
  startToCloseTimeout: '6 hours',
  scheduleToCloseTimeout: '24 hours',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '5 seconds', backoffCoefficient: 2, maximumInterval: '10 minutes', maximumAttempts: 8 },
} satisfies ActivityOptions;

/** Files made from the database or from other files, with progress; an object store may be away for an hour. */
export const forOutputs = {
  startToCloseTimeout: '4 hours',
  scheduleToCloseTimeout: '6 hours',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '5 minutes', maximumAttempts: 12 },
} satisfies ActivityOptions;

/** Asking an instrument what it has: the next poll comes soon, so a failure is told rather than outlasted. */
export const forPolling = {
  startToCloseTimeout: '90 seconds',
  scheduleToCloseTimeout: '4 minutes',
  retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumAttempts: 2 },
} satisfies ActivityOptions;

/** Keeping an entity's record, with a sign of life: a lost worker is noticed by its silence. After an hour the entity says what hinders it, and begins anew. */
export const forRecord = {
  startToCloseTimeout: '5 minutes',
  scheduleToCloseTimeout: '1 hour',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 minutes' },
} satisfies ActivityOptions;

/** One pass of a copy. What fails thrice waits for its next turn, so that others have theirs. */
export const forTransfer = {
  startToCloseTimeout: '48 hours',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '10 seconds', backoffCoefficient: 3, maximumInterval: '5 minutes', maximumAttempts: 3 },
} satisfies ActivityOptions;

/** Messages to people: one that fails stays where it is and goes with the next round; a lost worker is noticed by its silence. */
export const forMessages = {
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumAttempts: 3 },
} satisfies ActivityOptions;
