/**
 * Several volumes as one host reads them: `volumes.mjs <order as JSON>`. A thread for each pass, as many at a time as `atOnce`
 * says, from a queue with the largest first.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { passOptions } from './pass-options.mjs';

const { reader: url, volumes, atOnce, ...common } = JSON.parse(process.argv[2]);
const reader = await import(url);
const queue = volumes.toSorted((a, b) => b.fileBytes - a.fileBytes);
const answers = [];
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (let volume = queue.shift(); volume !== undefined; volume = queue.shift()) {
      const work = mkdtempSync(join(tmpdir(), 'longshore-bench-'));
      try {
        const { lines, totals, engine } = await reader.passFileInThread({ ...(await passOptions(reader, { ...common, ...volume })), work }, {});
        answers.push({ volume: volume.volume, lines: lines.accepted, bytes: totals.bytes, engine: engine.name });
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    }
  }),
);
console.log(JSON.stringify({ answers, peakBytes: process.resourceUsage().maxRSS * 1024 }));
