/** One pass as a process of its own: `pass.mjs <order as JSON>`. Plain JavaScript, so that nothing but the reader is measured. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { passOptions } from './pass-options.mjs';

const order = JSON.parse(process.argv[2]);
const reader = await import(order.reader);
const work = mkdtempSync(join(tmpdir(), 'longshore-bench-'));
try {
  const result = await reader.passFile({ ...(await passOptions(reader, order)), work }, {});
  const { lines, totals, vault, split, seconds, bytes, engine, groups, users, directories, ages } = result;
  console.log(
    JSON.stringify({
      lines: lines.accepted,
      bytes: totals.bytes,
      sums: { ...sumOf({ groups }), ...sumOf({ users }) },
      rows: { ...countOf({ groups, users, directories, ages, split }), ...(vault === null ? {} : { vault: vault.entries }) },
      engine: engine.name,
      seconds,
      textBytes: bytes,
      // In KiB: exact, unlike samples.
      peakBytes: process.resourceUsage().maxRSS * 1024,
      digest: order.digest ? createHash('sha256').update(JSON.stringify([totals, groups, users, directories, ages, vault])).digest('hex') : null,
    }),
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}

function sumOf(products) {
  return Object.fromEntries(Object.entries(products).flatMap(([name, rows]) => (rows === null ? [] : [[name, rows.reduce((sum, row) => sum + BigInt(row.bytes), 0n).toString()]])));
}

function countOf(products) {
  return Object.fromEntries(Object.entries(products).flatMap(([name, rows]) => (rows === null ? [] : [[name, rows.length]])));
}
