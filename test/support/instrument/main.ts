/**
 * A simulated instrument as a program: writes cells below `--root` until all have ended.
 * `node test/support/instrument/main.ts --root DIR [--experiment NAME] [--cells N] [--barcodes N] [--files N] [--reads N] [--raw pod5|pod5_split|fast5] [--files-per-second N] [--seed S] [--crash CELL] [--stop CELL]`
 * Prints a line for each cell that ends. SIGUSR1 pauses, SIGUSR2 goes on, SIGTERM ends it between two files.
 */
import { parseArgs } from 'node:util';
import { SimulatedCell, type CellSpec } from './index.ts';

const { values } = parseArgs({
  options: {
    'root': { type: 'string' },
    'experiment': { type: 'string', default: '20190614_11685BN' },
    'started': { type: 'string', default: '2019-06-14T15:58' },
    'cells': { type: 'string', default: '2' },
    'barcodes': { type: 'string', default: '0' },
    'files': { type: 'string', default: '4' },
    'reads': { type: 'string', default: '10' },
    'raw': { type: 'string', default: 'pod5' },
    'files-per-second': { type: 'string', default: '5' },
    'seed': { type: 'string', default: '1' },
    'crash': { type: 'string' },
    'stop': { type: 'string' },
  },
});
const raw = (['pod5', 'pod5_split', 'fast5'] as const).find((each) => each === values.raw);
if (values.root === undefined || raw === undefined) throw new Error('--root DIR is needed, and --raw one of pod5 pod5_split fast5');
const { root } = values;

const barcodes = Array.from({ length: Number(values.barcodes) }, (_, index) => `barcode${String(index + 1).padStart(2, '0')}`);
const cells = Array.from({ length: Number(values.cells) }, (_, index) => {
  const spec: CellSpec = {
    experiment: values.experiment,
    library: `11685BN${String(index + 1).padStart(4, '0')}L01`,
    position: `${1 + Math.floor(index / 8)}${'ABCDEFGH'[index % 8]}`,
    started: values.started,
    barcodes,
    files: { pass: Number(values.files), fail: Math.ceil(Number(values.files) / 4) },
    readsPerFile: Number(values.reads),
    raw,
    seed: Number(values.seed) + index,
  };
  return new SimulatedCell(root, spec);
});

const end = new AbortController();
process.once('SIGTERM', () => end.abort());
process.on('SIGUSR1', () => cells.forEach((cell) => cell.pause()));
process.on('SIGUSR2', () => cells.forEach((cell) => cell.resume()));
end.signal.addEventListener('abort', () => cells.forEach((cell) => cell.resume()));

await Promise.all(
  cells.map(async (cell, index) => {
    const early = [values.crash, values.stop].indexOf(String(index + 1));
    const running = cell.run({ filesPerSecond: Number(values['files-per-second']), signal: end.signal });
    if (early >= 0) {
      // Half way, whatever the speed.
      while (!end.signal.aborted && cell.progress.written < cell.progress.planned / 2) await new Promise((resolve) => setTimeout(resolve, 20));
      await cell.abort(early === 0 ? 'crashed' : 'stopped');
    }
    await running;
    console.log(`${end.signal.aborted ? 'left' : 'ended'} ${cell.directory}`);
  }),
);
