/** FASTQ files merged into one by our activity, which checks, counts and sums as it goes, against `pigz -dc | pigz`. */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { program, resultOf, type Run, runRounds, spreadOver, type Result, type Variant } from '../runner.ts';
import { numberText, type Spread, spreadOf, withRange } from '../statistics.ts';
import { installed } from '../storage/code.ts';
import { textTable } from '../table.ts';
import { bars, figure } from './bars.ts';
import { makeReads, type Reads } from './reads.ts';
import { expectAnswer, type SequencingContext, type SequencingSuite, variantCommand } from './suite.ts';

/** Text at scale 1. */
const mergeBytes = 48e6;
/** What is configured by default. */
const level = 6;

const names = { ours: 'our merge', pigz: 'pigz -dc | pigz' };

/** Throws unless what `run` wrote has the text that went in. */
function variant(name: string, { bytes, digest }: Reads, run: (target: string) => Promise<Run>, directory: string): Variant {
  return {
    name,
    units: bytes,
    run: async () => {
      const target = path.join(directory, 'merged.fastq.gz');
      try {
        const done = await run(target);
        expectAnswer(name, { text: await textDigest(target) }, { text: digest });
        return done;
      } finally {
        await rm(target, { force: true });
      }
    },
  };
}

async function textDigest(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), createGunzip(), hash);
  return hash.digest('hex');
}

function variantsOf(context: SequencingContext, reads: Reads, directory: string, pigz: string): Variant[] {
  const ours = (target: string): Promise<Run> =>
    program({
      name: names.ours,
      command: variantCommand(context, 'merge', { merge: 'activities/sequencing/merge-fastq' }, { files: reads.files, target, level }),
      units: reads.bytes,
      check: (output) => {
        const { seconds: own, peakBytes, ...answer }: { reads: number; bases: number; md5: string; seconds: number; peakBytes: number } = JSON.parse(output);
        expectAnswer(names.ours, answer, { reads: reads.reads, bases: reads.bases, md5: createHash('md5').update(readFileSync(target)).digest('hex') });
        return { seconds: own, peakBytes };
      },
    }).run();
  const theirs = (target: string): Promise<Run> => {
    const script = 'pigz=$1 target=$2 cores=$3 level=$4; shift 4; "$pigz" -dc -- "$@" | "$pigz" -c -p "$cores" "-$level" > "$target"';
    return program({ name: names.pigz, command: ['/bin/sh', '-c', script, 'sh', pigz, target, String(os.availableParallelism()), String(level), ...reads.files], units: reads.bytes }).run();
  };
  return [variant(names.ours, reads, ours, directory), variant(names.pigz, reads, theirs, directory)];
}

/** Without the start of the process, where that is told. */
const seconds = ({ own, wallSeconds }: Run): number => own?.['seconds'] ?? wallSeconds;
const rate = (result: Result): Spread => spreadOver(result, (run) => result.units / 1e6 / seconds(run));

export const mergeSuite: SequencingSuite = {
  title: 'Merged FASTQ',

  async run(context) {
    const pigz = await installed('pigz');
    if (pigz === null) {
      const missing = 'pigz is not installed (Debian: pigz): merges have nobody to be measured against, and are left out.';
      context.say(missing);
      return { sections: [{ heading: 'left out', notes: [missing], table: '' }], figures: [], plots: [], data: [] };
    }
    const directory = await mkdtemp(path.join(context.directory, 'merge-'));
    context.say('making reads …');
    const reads = await makeReads(directory, mergeBytes * context.scale);
    const results = await runRounds(variantsOf(context, reads, directory, pigz), context.rounds, context.say);
    const [ours, theirs] = [resultOf(results, names.ours), resultOf(results, names.pigz)];
    const ratio = spreadOf(ours.runs.map((run, round) => seconds(theirs.runs[round]!) / seconds(run)));
    const row = (result: Result): string[] => [result.name, withRange(rate(result), 1), withRange(spreadOver(result, (run) => run.cpuSeconds), 2), withRange(spreadOver(result, (run) => run.peakBytes / 1e6), 0)];
    return {
      sections: [
        {
          heading: `${numberText(reads.bytes / 1e6, 1)} MB of text, ${reads.files.length} files`,
          notes: [`Level ${level}, ${os.availableParallelism()} cores for both. Ours checks every record, counts reads and bases and sums what it writes, in the same pass; CPU includes the start of its process, its rate does not.`],
          table: textTable([['variant', 'MB/s of text', 'CPU s', 'peak MB'], row(ours), row(theirs)]),
        },
      ],
      figures: [figure('rate of a merge ÷ that of pigz', 'ratio', ratio, bars.merge), figure('rate of a merge', 'megabytesPerSecond', rate(ours))],
      plots: [],
      data: [{ input: { ...reads, level }, results }],
    };
  },
};
