/** `longshore storage scan`: one pass over one stat file, here and now, without a server or a database. */
import path from 'node:path';
import { type Command, Option } from 'commander';
import type { PassOptions, PassResult } from '../../../activities/storage/read-scan/index.ts';
import type { StorageConfig } from '../../../config/schema.ts';
import { productNames } from '../../../domain/storage/product-names.ts';
import { splitCosts } from '../../../domain/storage/split-index.ts';
import { parseScanName } from '../../../domain/storage/scan-files.ts';
import { type CommandContext, withContext } from '../context.ts';
import { endWith } from '../exit-codes.ts';
import { positive } from '../options.ts';
import { note, print, printJson, safeText, shorten, terminalWidth } from '../output.ts';
import { productsOf } from './products.ts';
import { progressText } from './render.ts';

interface ScanOptions {
  basedirs?: string;
  groups?: string;
  volume?: string;
  mount?: string;
  size?: PassOptions['size'];
  hardLinks?: PassOptions['hardLinks'];
  products?: string;
  top: number;
}

export function registerScan(storage: Command): void {
  storage
    .command('scan <file>')
    .description('show what one stat file holds; needs no server')
    .option('--basedirs <file>', 'base directories: gid TAB directory a line (default: computed)')
    .option('--groups <file>', 'names of groups, as `getent group` prints them')
    .option('--volume <name>', 'the volume (default: from the file’s name)')
    .option('--mount <dir>', 'its mount point (default: from the file’s name)')
    .addOption(new Option('--size <which>', 'size to count (default: as configured)').choices(['recorded', 'apparent']))
    .addOption(new Option('--hard-links <rule>', 'how to count hard links (default: as configured)').choices(['once', 'divide']))
    .option('--products <names>', `some of ${productNames.join(', ')}`)
    .addOption(new Option('--top <n>', 'rows of each table').argParser((text) => positive('--top', text)).default(15))
    .action((file: string, options: ScanOptions, command: Command) => withContext(command, (context) => scan(context, file, options)));
}

async function scan(context: CommandContext, file: string, options: ScanOptions): Promise<void> {
  const config = context.config.storage;
  const { volume, pass } = await passOf(config, file, options);
  const names = await namesOf(config, options.groups);
  const result = await readWithProgress(pass, context);
  const { lines } = result;
  if (context.json) {
    const named = (rows: readonly { gid: number }[] | null): unknown => rows?.map((row) => ({ group: names.get(row.gid) ?? null, ...row }));
    printJson({ file, volume, ...result, groups: named(result.groups), users: named(result.users), directories: named(result.directories), ages: named(result.ages), split: named(result.split && splitCosts(result.split)) });
  } else {
    const { renderScan } = await import('./scan-render.ts');
    print(renderScan({ file, volume, names, ...result }, { top: options.top, width: terminalWidth() }));
  }
  if (lines.rejected <= config.rejectedLinesAllowed) return;
  const [first] = lines.firstRejected;
  note(safeText(`${file}, line ${first?.line}: ${first?.reason}. A report would not load this scan: ${lines.rejected} lines cannot be used (allowed: ${config.rejectedLinesAllowed}).`));
  endWith('failed');
}

async function passOf(config: StorageConfig, file: string, options: ScanOptions): Promise<{ volume: string; pass: PassOptions }> {
  const [{ fileTypesOf, readBaseDirectories }, { stat }] = await Promise.all([import('../../../activities/storage/read-scan/index.ts'), import('node:fs/promises')]);
  const named = scannedOf(file);
  const volume = options.volume ?? named.volume;
  const { minimumDepth, rules } = config.baseDirectories;
  // Of a file that is not there the pass tells.
  const scannedAt = await stat(file).then(({ mtimeMs }) => Math.floor(mtimeMs / 1000), () => 0);
  const pass: PassOptions = {
    path: file,
    volume,
    mount: options.mount ?? config.volumes.find((each) => each.name === volume)?.mount ?? named.mount,
    scannedAt,
    size: options.size ?? config.size,
    hardLinks: options.hardLinks ?? config.hardLinks,
    baseDirectories: options.basedirs === undefined ? { kind: 'computed', minimumDepth, rules } : await readBaseDirectories(options.basedirs),
    pseudoGroups: config.pseudoGroups.map(({ prefix, gid }) => ({ prefix, gid })),
    pathAliases: config.pathAliases,
    // All are told of; whether they are too many is said at the end.
    fileTypes: fileTypesOf(config),
    engine: config.engine,
    splitLevel: null,
    products: options.products === undefined ? productNames : productsOf(options.products),
    rejectedLinesAllowed: Number.MAX_SAFE_INTEGER,
  };
  return { volume, pass };
}

/** What the name of a scanner's file says of the volume; of any other file its own name and the root. */
function scannedOf(file: string): { volume: string; mount: string } {
  const absolute = path.resolve(file);
  const name = parseScanName(path.basename(absolute)) ?? parseScanName(path.basename(path.dirname(absolute)));
  if (name === null) return { volume: path.basename(absolute), mount: '/' };
  if ('path' in name.scanned) return { volume: path.basename(name.scanned.path), mount: name.scanned.path };
  return { volume: name.scanned.basename, mount: `/lustre/${name.scanned.basename}` };
}

async function namesOf(config: StorageConfig, dump: string | undefined): Promise<Map<number, string>> {
  const names = new Map(config.pseudoGroups.map(({ gid, group }) => [gid, group]));
  if (dump === undefined) return names;
  const [{ readDumps }, { readSecret }] = await Promise.all([import('../../../activities/platform/directory-service/dumps.ts'), import('../../../config/secrets.ts')]);
  const { groups, note: remark } = await readDumps({ group: dump }, { readSecret });
  if (remark !== null) note(safeText(remark));
  for (const { gid, name } of groups) names.set(gid, name);
  return names;
}

/** In a thread of its own, so that an interrupt is heard at once. */
async function readWithProgress(pass: PassOptions, { signal, json }: CommandContext): Promise<PassResult> {
  const [{ passFileInThread }, { createLogUpdate }] = await Promise.all([import('../../../activities/storage/read-scan/index.ts'), import('log-update')]);
  const draw = process.stderr.isTTY && !json ? createLogUpdate(process.stderr) : undefined;
  const [{ mkdtemp, rm }, { tmpdir }] = await Promise.all([import('node:fs/promises'), import('node:os')]);
  const work = await mkdtemp(path.join(tmpdir(), 'longshore-scan-'));
  try {
    return await passFileInThread({ ...pass, work }, { signal, onProgress: (progress) => draw?.(shorten(progressText(progress), process.stderr.columns)) });
  } finally {
    draw?.clear();
    await rm(work, { recursive: true, force: true });
  }
}
