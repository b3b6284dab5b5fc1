/**
 * A simulated PromethION: it writes cells as MinKNOW lays them out, file after file, at a speed of one's choice. What it
 * writes depends on the specification only (its seed included), never on the time or the speed.
 *
 * The layout: `{experiment}/{library}/{date}_{time}_{position}_{flow cell}_{8 hex digits}/`, see `CellSpec`.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Random } from './random.ts';

export interface CellSpec {
  /** MinKNOW's protocol group: any name that people type. */
  experiment: string;
  /** MinKNOW's sample. */
  library: string;
  /** Default `1E`. */
  position?: string;
  /** Default `PAD` and five digits, by seed. */
  flowCell?: string;
  /** Start of the run, UTC: `YYYY-MM-DDTHH:MM`. */
  started: string;
  /** Length of the run that the end marker states; default 24. */
  hours?: number;
  /** `barcode01`, …; none: no level of barcodes. `unclassified` comes by itself. */
  barcodes?: string[];
  /** FASTQ files for each barcode; default 2 passed, 1 failed. */
  files?: { pass: number; fail: number };
  /** Default 10 (MinKNOW: 4000). */
  readsPerFile?: number;
  /** How raw signal is laid out: one folder, passed and failed ones, or the older format; default `pod5`. */
  raw?: 'pod5' | 'pod5_split' | 'fast5';
  /** Bytes of a raw file; default 3000. */
  rawBytes?: number;
  /** Whether FASTQ is compressed, as it is since 2019; default true. */
  compressed?: boolean;
  /** Direct RNA by its protocol; default false. */
  rna?: boolean;
  /** `final_summary.txt` and no hashes of files, as before MinKNOW 3.6; default false. */
  old?: boolean;
  seed?: number;
}

interface PlannedFile {
  /** Below the cell's directory. */
  path: string;
  content(): Buffer;
  barcode: string;
  status: 'pass' | 'fail' | '';
}

const parts = (spec: CellSpec) => {
  const { seed = 1, position = '1E', started, experiment, library } = spec;
  const random = new Random(seed, experiment, library, position, started);
  const flowCell = spec.flowCell ?? `PAD${10_000 + random.below(90_000)}`;
  const runId = random.uuid();
  const acquisition = random.hex(40);
  return { position, flowCell, runId, acquisition, hash: runId.slice(0, 8), runHash: acquisition.slice(0, 8), date: started.slice(0, 10).replaceAll('-', ''), time: started.slice(11, 16).replace(':', '') };
};

/** `library/cell`, as listings and tickets call it. */
export function cellName(spec: CellSpec): string {
  const { date, time, position, flowCell, hash } = parts(spec);
  return `${spec.library}/${date}_${time}_${position}_${flowCell}_${hash}`;
}

/** One read: identifier, its record in a FASTQ file, its length and quality. */
function makeRead(spec: CellSpec, key: string, number: number): { id: string; record: string; bases: number; quality: number } {
  const { flowCell, acquisition } = parts(spec);
  const random = new Random(spec.seed ?? 1, spec.experiment, spec.library, key, number);
  const id = random.uuid();
  const bases = 40 + random.below(400);
  const letters = random.bytes(bases);
  const quality = 7 + random.below(20);
  const sequence = Buffer.from(letters.map((byte) => (byte === 0 ? 78 : 'ACGT'.charCodeAt(byte & 3)))).toString('latin1');
  const qualities = Buffer.from(letters.map((byte) => 33 + quality + (byte >> 5))).toString('latin1');
  const barcode = /barcode\d+|unclassified/u.exec(key)?.[0];
  const header = `@${id} runid=${acquisition} read=${number + 1} ch=${1 + random.below(2675)} start_time=${spec.started}:00Z flow_cell_id=${flowCell} protocol_group_id=${spec.experiment} sample_id=${spec.library}${barcode === undefined ? '' : ` barcode=${barcode} barcode_alias=${barcode}`} basecall_model_version_id=dna_r10.4.1_e8.2_400bps_hac@v4.3.0`;
  return { id, record: `${header}\n${sequence}\n+\n${qualities}\n`, bases, quality };
}

/** All files of a cell but the last two (end marker, hashes), in the order in which they appear. */
function plan(spec: CellSpec): PlannedFile[] {
  const { flowCell, hash, runHash, date, time } = parts(spec);
  const { files = { pass: 2, fail: 1 }, readsPerFile = 10, raw = 'pod5', rawBytes = 3000, compressed = true, barcodes = [] } = spec;
  const folders = barcodes.length === 0 ? [''] : [...barcodes, 'unclassified'];
  const side = (path: string, content: () => string): PlannedFile => ({ path, content: () => Buffer.from(content()), barcode: '', status: '' });
  const name = (barcode: string, status: string, index: number, extension: string): string => [flowCell, status, barcode, hash, runHash, index].filter((part) => part !== '').join('_') + `.${extension}`;
  const rawFile = (folder: string, barcode: string, status: 'pass' | 'fail' | '', index: number): PlannedFile => {
    const extension = raw === 'fast5' ? 'fast5' : 'pod5';
    const path = [folder, barcode, name(barcode, status, index, extension)].filter((part) => part !== '').join('/');
    // The signature of the format, so that programs that look at it are satisfied.
    const signature = extension === 'pod5' ? Buffer.from([0x8b, 0x50, 0x4f, 0x44, 0x0d, 0x0a, 0x1a, 0x0a]) : Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');
    return { path, content: () => Buffer.concat([signature, new Random(spec.seed ?? 1, path).bytes(rawBytes)]), barcode, status };
  };

  const planned: PlannedFile[] = [
    side(`other_reports/pore_scan_data_${flowCell}_${hash}_${runHash}.csv`, () => 'scan_time,channel,well,pore_status\n0,1,1,single_pore\n'),
    side(`other_reports/temperature_adjust_data_${flowCell}_${hash}_${runHash}.csv`, () => 'acquisition_duration,temperature\n0,34.0\n'),
    side(`sample_sheet_${flowCell}_${date}_${time}_${hash}.csv`, () => `protocol_run_id,position_id,flow_cell_id,sample_id,experiment_id\n${parts(spec).runId},${parts(spec).position},${flowCell},${spec.library},${spec.experiment}\n`),
  ];
  const reads: { file: string; raw: string; id: string; bases: number; quality: number; passed: boolean; barcode: string }[] = [];
  let rawFiles = 0;
  for (let index = 0; index < Math.max(files.pass, files.fail); index++) {
    for (const barcode of folders) {
      for (const status of ['pass', 'fail'] as const) {
        if (index >= files[status]) continue;
        const folder = raw === 'pod5' ? 'pod5' : `${raw.replace('_split', '')}_${status}`;
        const signal = rawFile(folder, raw === 'pod5' ? '' : barcode, raw === 'pod5' ? '' : status, raw === 'pod5' ? rawFiles : index);
        rawFiles++;
        const path = [`fastq_${status}`, barcode, name(barcode, status, index, compressed ? 'fastq.gz' : 'fastq')].filter((part) => part !== '').join('/');
        const key = path.replace(/\.gz$/u, '');
        const content = (): Buffer => {
          const text = Array.from({ length: readsPerFile }, (_, number) => makeRead(spec, key, number).record).join('');
          return compressed ? gzipSync(text, { level: 1 }) : Buffer.from(text);
        };
        planned.push(signal, { path, content, barcode, status });
        for (let number = 0; number < readsPerFile; number++) {
          const { id, bases, quality } = makeRead(spec, key, number);
          reads.push({ file: path.split('/').at(-1)!, raw: signal.path.split('/').at(-1)!, id, bases, quality, passed: status === 'pass', barcode });
        }
      }
    }
  }
  const columns = 'filename_fastq\tfilename_pod5\tparent_read_id\tread_id\trun_id\tchannel\tmux\tstart_time\tduration\tpasses_filtering\tsequence_length_template\tmean_qscore_template\tbarcode_arrangement';
  const row = (read: (typeof reads)[number], at: number): string => [read.file, read.raw, read.id, read.id, parts(spec).acquisition, 1 + (at % 2675), 1, at, read.bases / 400, read.passed ? 'TRUE' : 'FALSE', read.bases, read.quality, read.barcode].join('\t');
  planned.push(
    side(`throughput_${flowCell}_${hash}_${runHash}.csv`, () => `Experiment Time (minutes),Reads\n1,${reads.length}\n`),
    side(`pore_activity_${flowCell}_${hash}_${runHash}.csv`, () => 'Channel State,Experiment Time (minutes),State Time (samples)\nstrand,0,1\n'),
    ...(barcodes.length === 0 ? [] : [side(`barcode_alignment_${flowCell}_${hash}_${runHash}.tsv`, () => `barcode\ttarget_unclassified\n${barcodes.join('\t0\n')}\t0\n`)]),
    side(`sequencing_summary_${flowCell}_${hash}_${runHash}.txt`, () => `${[columns, ...reads.map(row)].join('\n')}\n`),
    ...(['html', 'md', 'json'] as const).map((extension) => side(`report_${flowCell}_${date}_${time}_${hash}.${extension}`, () => (extension === 'html' ? `<title>${flowCell}</title>\n` : extension === 'md' ? `# ${flowCell}\n` : `{"flow_cell_id":"${flowCell}"}\n`))),
  );
  return planned;
}

/** What a damaged cell can look like. */
export type Damage =
  /** The newest compressed FASTQ file ends in its middle. */
  | 'truncated-gz'
  /** A byte of it is another. */
  | 'flipped-bit'
  /** Its last record has lost its qualities. */
  | 'malformed-record'
  /** It is gone, though the end marker counts it. */
  | 'missing-file';

export class SimulatedCell {
  readonly spec: CellSpec;
  readonly root: string;
  #library: string;
  #files: PlannedFile[];
  #written = 0;
  #paused: PromiseWithResolvers<void> | undefined;
  #ended = false;

  /** @param root the machine's data directory. */
  constructor(root: string, spec: CellSpec) {
    this.root = root;
    this.spec = spec;
    this.#library = spec.library;
    this.#files = plan(spec);
  }

  /** `library/cell`, after a renaming the present one. */
  get name(): string {
    return [this.#library, ...cellName(this.spec).split('/').slice(-1)].join('/');
  }

  get directory(): string {
    return join(this.root, this.spec.experiment, this.name);
  }

  /** Files written so far, and in all but the end marker and the hashes. */
  get progress(): { written: number; planned: number } {
    return { written: this.#written, planned: this.#files.length };
  }

  /** Writes the next file, in two halves as a machine does; false when only the end is left. */
  async writeNext(): Promise<boolean> {
    const file = this.#files[this.#written];
    if (file === undefined || this.#ended) return false;
    const path = join(this.directory, file.path);
    await mkdir(dirname(path), { recursive: true });
    const content = file.content();
    const handle = await open(path, 'w');
    try {
      const half = content.length >> 1;
      await handle.write(content.subarray(0, half));
      await handle.write(content.subarray(half));
    } finally {
      await handle.close();
    }
    this.#written++;
    return true;
  }

  /** Writes on, `filesPerSecond` of them, until the end with its marker, an abort, or the signal. */
  async run({ filesPerSecond = Infinity, signal }: { filesPerSecond?: number; signal?: AbortSignal } = {}): Promise<void> {
    const goesOn = async (): Promise<boolean> => {
      await this.#paused?.promise;
      return !this.#ended && signal?.aborted !== true && this.writeNext();
    };
    while (await goesOn()) {
      if (filesPerSecond !== Infinity) await delay(1000 / filesPerSecond, undefined, { signal }).catch(() => undefined);
    }
    if (signal?.aborted !== true && !this.#ended) await this.finish();
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** Everything that is left, then the hashes and, as the last file, the end marker. */
  async finish(): Promise<void> {
    while (await this.writeNext());
    await this.#end();
  }

  /**
   * Ends early. `stopped`: somebody pressed the button, and the marker states what there is. `crashed`: no marker ever comes.
   */
  async abort(how: 'stopped' | 'crashed'): Promise<void> {
    this.resume();
    if (how === 'stopped') {
      const written = this.#files.slice(0, this.#written);
      const reports = this.#files.slice(this.#written).filter(({ status }) => status === '');
      this.#files = [...written, ...reports.filter(({ path }) => !path.includes('pod5') && !path.includes('fast5'))];
      await this.finish();
    }
    this.#ended = true;
  }

  async damage(how: Damage): Promise<string> {
    const file = this.#files.slice(0, this.#written).findLast(({ path }) => path.includes('fastq'));
    if (file === undefined) throw new Error('nothing is written yet that could be damaged');
    const path = join(this.directory, file.path);
    const content = await readFile(path);
    if (how === 'missing-file') await rm(path);
    else if (how === 'truncated-gz') await truncate(path, Math.floor(content.length * 0.6));
    else if (how === 'flipped-bit') {
      content[content.length >> 1]! ^= 1;
      await writeFile(path, content);
    } else {
      const records = Array.from({ length: this.spec.readsPerFile ?? 10 }, (_, number) => makeRead(this.spec, file.path.replace(/\.gz$/u, ''), number).record).join('');
      const text = records.split('\n').slice(0, -2).join('\n') + '\n';
      await writeFile(path, path.endsWith('.gz') ? gzipSync(text) : text);
    }
    return path;
  }

  /** Moves the cell to another library, as people do at the machine. */
  async renameLibrary(library: string): Promise<void> {
    const before = this.directory;
    this.#library = library;
    await mkdir(dirname(this.directory), { recursive: true });
    await rename(before, this.directory);
  }

  /** Deletes the cell from the machine's disk; it writes no more. */
  async remove(): Promise<void> {
    this.#ended = true;
    this.resume();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const { flowCell, hash, runHash, date, time, runId, acquisition, position } = parts(this.spec);
    const { spec } = this;
    const count = (kind: RegExp): number => this.#files.filter(({ path }) => kind.test(path)).length;
    const minutes = (after: number): string => new Date(Date.parse(`${spec.started}:00Z`) + ((spec.hours ?? 24) * 60 + after) * 60_000).toISOString().replace('.000Z', '.000000+00:00');
    if (spec.old !== true) {
      const rows = this.#files.map((file) => {
        const hashed = /pod5|fast5/u.test(file.path) ? '' : createHash('sha256').update(file.content()).digest('hex');
        return [runId, spec.experiment, flowCell, this.#library, hashed, file.path, file.barcode, file.barcode, file.status].join(',');
      });
      const columns = 'runid,protocol_group_id,flow_cell_id,sample_id,file_hash,file_path,barcode,barcode_alias,basecall_status';
      await writeFile(join(this.directory, `output_hash_${flowCell}_${date}_${time}_${hash}.csv`), `${[columns, ...rows].join('\n')}\n`);
    }
    const summary = {
      instrument: 'PC24B117',
      position,
      flow_cell_id: flowCell,
      sample_id: this.#library,
      protocol_group_id: spec.experiment,
      protocol: spec.rna === true ? 'sequencing/sequencing_PRO004_RNA:FLO-PRO004RA:SQK-RNA004' : 'sequencing/sequencing_PRO114_DNA_e8_2_400K:FLO-PRO114M:SQK-LSK114:400',
      protocol_run_id: runId,
      acquisition_run_id: acquisition,
      started: minutes(-(spec.hours ?? 24) * 60),
      acquisition_stopped: minutes(0),
      processing_stopped: minutes(3),
      basecalling_enabled: 1,
      sequencing_summary_file: `sequencing_summary_${flowCell}_${hash}_${runHash}.txt`,
      fast5_files_in_final_dest: count(/\.fast5$/u),
      fast5_files_in_fallback: 0,
      pod5_files_in_final_dest: count(/\.pod5$/u),
      pod5_files_in_fallback: 0,
      fastq_files_in_final_dest: count(/\.fastq(\.gz)?$/u),
      fastq_files_in_fallback: 0,
    };
    const name = spec.old === true ? 'final_summary.txt' : `final_summary_${flowCell}_${hash}_${runHash}.txt`;
    await writeFile(join(this.directory, name), Object.entries(summary).map(([key, value]) => `${key}=${value}\n`).join(''));
  }
}
