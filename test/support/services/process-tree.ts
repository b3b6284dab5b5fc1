/** What servers leave behind when only they themselves are killed: sessions, workers. */
import { readFileSync } from 'node:fs';
import { untilGone } from '../processes.ts';

/** Every process below `pid`, nearest first. */
export function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter((text) => text !== '').map(Number);
    return children.flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return []; // it has ended
  }
}

/** Kills what is below `pid` and waits until it is gone; `pid` itself is its starter's affair. */
export async function endTree(pid: number): Promise<void> {
  const found = descendants(pid);
  for (const each of found) {
    try {
      process.kill(each, 'SIGKILL');
    } catch {
      // it was faster
    }
  }
  await untilGone(...found);
}
