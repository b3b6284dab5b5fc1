/** Writes one scan: `node test/support/scan-generator/main.ts --path FILE [--lines N] [--volume V] [--era W4] [--seed S] [--parts P] [--groups G] [--projects P] [--basedirs FILE]`. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { baseDirectoryFile, eras, generateScan } from './index.ts';

const { values } = parseArgs({
  options: {
    path: { type: 'string' },
    lines: { type: 'string', default: '1000000' },
    volume: { type: 'string', default: 'scratch117' },
    era: { type: 'string', default: 'W4' },
    seed: { type: 'string', default: '1' },
    parts: { type: 'string', default: '1' },
    growth: { type: 'string', default: '1' },
    groups: { type: 'string' },
    projects: { type: 'string' },
    basedirs: { type: 'string' },
  },
});
const era = eras.find((each) => each === values.era);
if (values.path === undefined || era === undefined) throw new Error(`--path FILE is needed, and --era one of ${eras.join(' ')}`);

const started = performance.now();
const scan = await generateScan({
  path: values.path,
  lines: Number(values.lines),
  volume: values.volume,
  era,
  seed: Number(values.seed),
  parts: Number(values.parts),
  growth: Number(values.growth),
  groups: values.groups === undefined ? undefined : Number(values.groups),
  projects: values.projects === undefined ? undefined : Number(values.projects),
  scannedAt: Math.floor(Date.now() / 1000) - 86_400,
});
if (values.basedirs !== undefined) await writeFile(values.basedirs, baseDirectoryFile(scan.baseDirectories));
console.log(JSON.stringify({ lines: scan.lines, textBytes: scan.textBytes, fileBytes: scan.fileBytes, groups: scan.groups.size, seconds: (performance.now() - started) / 1000 }));
