import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** False when there is no such process, or when it has ended and only its exit status is left. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Resolves when all have ended; a process that stays runs into the test's time-out. */
export async function untilGone(...pids: number[]): Promise<void> {
  while (pids.some(isAlive)) await delay(10);
}
