/** FASTQ files as a cell leaves them: gzip, some thousand reads each, letters and qualities of about the entropy of real ones. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { Random } from '../../test/support/instrument/random.ts';

export interface Reads {
  files: string[];
  reads: number;
  bases: number;
  /** Bytes of text. */
  bytes: number;
  /** SHA-256 of the text of all files in their order. */
  digest: string;
}

const filesOfCell = 16;
const least = 200;
const most = 8000;

/** Writes files with `bytes` of text or little more. */
export async function makeReads(directory: string, bytes: number): Promise<Reads> {
  const random = new Random('reads');
  const hash = createHash('sha256');
  const made: Reads = { files: [], reads: 0, bases: 0, bytes: 0, digest: '' };
  for (let index = 0; index < filesOfCell; index++) {
    const records: string[] = [];
    for (let length = 0; length < bytes / filesOfCell; length += records.at(-1)!.length) {
      const { record, bases } = makeRead(random);
      records.push(record);
      made.bases += bases;
    }
    const text = Buffer.from(records.join(''), 'latin1');
    const file = path.join(directory, `PAD00001_pass_${index}.fastq.gz`);
    await writeFile(file, gzipSync(text, { level: 1 }));
    hash.update(text);
    made.files.push(file);
    made.reads += records.length;
    made.bytes += text.length;
  }
  return { ...made, digest: hash.digest('hex') };
}

/** Qualities wander: each is near the one before. */
function makeRead(random: Random): { record: string; bases: number } {
  const bases = least + random.below(most - least);
  const bytes = random.bytes(bases);
  const letters = bytes.map((byte) => 'ACGT'.charCodeAt(byte & 3));
  let quality = 20;
  const qualities = bytes.map((byte) => {
    quality = Math.min(40, Math.max(2, quality + ((byte >> 2) & 7) - 3 - (quality > 25 ? 1 : 0)));
    return 33 + quality;
  });
  const header = `@${random.uuid()} runid=${random.hex(40)} ch=${1 + random.below(2675)} start_time=2026-01-01T00:00:00Z flow_cell_id=PAD00001`;
  return { record: `${header}\n${Buffer.from(letters).toString('latin1')}\n+\n${Buffer.from(qualities).toString('latin1')}\n`, bases };
}
