/** The rsync adapter against rsync alone, over the same tree. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Random } from '../../test/support/instrument/random.ts';
import { program, resultOf, runRounds, type Result, type Variant } from '../runner.ts';
import { numberText, withRange } from '../statistics.ts';
import { installed } from '../storage/code.ts';
import { textTable } from '../table.ts';
import { bars, figure } from './bars.ts';
import { expectAnswer, ratioOfOwn, type SequencingContext, type SequencingSuite, spreadOfOwn, variantCommand } from './suite.ts';
import { digestOf } from './digest.ts';

/** At scale 1. */
const shapes = [
  { name: 'few large files', files: 4, bytes: 128 * 2 ** 20, grows: 'bytes' },
  { name: 'many small files', files: 20_000, bytes: 1000, grows: 'files' },
] as const;

interface Tree {
  name: string;
  files: number;
  bytes: number;
  root: string;
  digest: string;
}

const item = 'cell';
const filesOfDirectory = 4000;
/** The figures have the comparing pass of trees with more. */
const filesCompared = 10;

async function makeTree(directory: string, { name, files, bytes, grows }: (typeof shapes)[number], scale: number): Promise<Tree> {
  const size = { files: grows === 'files' ? Math.ceil(files * scale) : files, bytes: grows === 'bytes' ? Math.ceil(bytes * scale) : bytes };
  const root = path.join(directory, String(shapes.findIndex((shape) => shape.name === name)));
  // One block, begun elsewhere in each file: rsync must not find them alike, and random bytes cost more than their copy.
  const block = new Random('copy').bytes(2 ** 20);
  for (let file = 0; file < size.files; file++) {
    const below = path.join(root, item, `pod5_${Math.floor(file / filesOfDirectory)}`);
    if (file % filesOfDirectory === 0) await mkdir(below, { recursive: true });
    const start = (file * 4099) % (block.length >> 1);
    const parts = Array.from({ length: Math.ceil(size.bytes / (block.length >> 1)) }, () => block.subarray(start, start + (block.length >> 1)));
    await writeFile(path.join(below, `PAD00001_${file}.pod5`), Buffer.concat(parts).subarray(0, size.bytes));
  }
  return { name, ...size, root, digest: digestOf(path.join(root, item)) };
}

/** A process that copies a tree to where nothing is, then passes over it once more in each way. Its own figures: seconds and CPU of each pass. */
function copyVariant(context: SequencingContext, { name, tree, ours, directory }: { name: string; tree: Tree; ours: boolean; directory: string }): Variant {
  return {
    name,
    units: tree.files,
    run: async () => {
      const destination = await mkdtemp(path.join(directory, 'copy-'));
      const command = variantCommand(context, 'copy', { rsync: 'activities/platform/rsync/index', run: 'activities/platform/processes/run' }, { ours, root: tree.root, item, destination });
      const run = await program({ name, command, units: tree.files, check: (output) => ownFigures(name, output, tree) }).run();
      // Many files stay until all is measured: ext4 tries numbers of files that were removed a moment ago one by one for each new file.
      if (tree.files <= filesCompared) await rm(destination, { recursive: true, force: true });
      return run;
    },
  };
}

interface Pass {
  changed: number;
  seconds: number;
  cpu: number;
}

function ownFigures(name: string, output: string, { files, digest }: Tree): Record<string, number> {
  const told: Record<(typeof passes)[number]['key'], Pass> & { digests: string[] } = JSON.parse(output);
  const found = { copied: told.copy.changed, appended: told.append.changed, compared: told.compare.changed, 'copied by times': told.times.changed, content: told.digests.join() };
  expectAnswer(name, found, { copied: files, appended: 0, compared: 0, 'copied by times': files, content: `${digest},${digest}` });
  return Object.fromEntries(passes.flatMap(({ key }) => [[secondsOf(key), told[key].seconds], [cpuOf(key), told[key].cpu]]));
}

const secondsOf = (key: string): string => `${key} seconds`;
const cpuOf = (key: string): string => `${key} cpu`;
const nameOf = ({ name }: Pick<Tree, 'name'>, ours: boolean): string => `${name}, ${ours ? 'our adapter' : 'rsync'}`;

const passes = [
  { key: 'copy', what: 'copied' },
  { key: 'append', what: 'no change while it grows' },
  { key: 'compare', what: 'no change at its end' },
  { key: 'times', what: 'copied with `growing: times`' },
] as const;

export const copySuite: SequencingSuite = {
  title: 'Copies',

  async run(context) {
    if ((await installed('rsync')) === null) throw new Error('rsync is not installed (Debian: rsync): copies cannot be measured.');
    const directory = await mkdtemp(path.join(context.directory, 'trees-'));
    context.say('making trees …');
    const trees: Tree[] = [];
    try {
      for (const shape of shapes) trees.push(await makeTree(directory, shape, context.scale));
      const variants = trees.flatMap((tree) => [false, true].map((ours) => copyVariant(context, { name: nameOf(tree, ours), tree, ours, directory })));
      const results = await runRounds(variants, context.rounds, context.say);
      const pair = (tree: Tree): { ours: Result; plain: Result } => ({ ours: resultOf(results, nameOf(tree, true)), plain: resultOf(results, nameOf(tree, false)) });
      const rows = trees.flatMap((tree) =>
        passes.flatMap(({ key, what }) => {
          const { ours, plain } = pair(tree);
          return [plain, ours].map((result) => [
            `${result.name}, ${what}`,
            withRange(spreadOfOwn(result, secondsOf(key)), 2),
            withRange(spreadOfOwn(result, cpuOf(key)), 2),
            withRange(ratioOfOwn(result, plain, secondsOf(key)), 2),
            withRange(ratioOfOwn(result, plain, cpuOf(key)), 2),
          ]);
        }),
      );
      return {
        sections: [
          {
            heading: trees.map(({ name, files, bytes }) => `${name} (${numberText(files, 0)} of ${numberText(bytes, 0)} bytes)`).join(', '),
            notes: ['From path to path on the same disk. Rsync alone is `rsync -rltR`, while a cell grows with `--size-only --append`, started and waited for in the same way; CPU is that of rsync and of who watches it.', 'Each process copies to where nothing is as a cell is copied that grows (`growing: append`), then passes over that once more in each way. With `growing: times` rsync keeps what a cut leaves of a file (`--partial-dir`), and looks for that before each.'],
            table: textTable([['variant', 'wall s', 'CPU s', '× rsync', 'CPU × rsync'], ...rows]),
          },
        ],
        figures: trees.flatMap((tree) =>
          passes
            // Of a few files a comparison is over before it can be measured.
            .filter(({ key }) => key === 'copy' || key === 'times' || tree.files > filesCompared)
            .map(({ key, what }) => figure(`our adapter ÷ rsync, ${tree.name}, ${what}`, 'ratio', ratioOfOwn(pair(tree).ours, pair(tree).plain, secondsOf(key)), bars.copy)),
        ),
        plots: [],
        data: [{ input: trees, results }],
      };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};
