import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** SHA-256 of a tree: names, times in seconds, and content of its files. */
export function digestOf(directory: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const file = join(directory, name);
    const stat = statSync(file);
    if (stat.isFile()) hash.update(`${name}\0${stat.size}\0${Math.floor(stat.mtimeMs / 1000)}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}
