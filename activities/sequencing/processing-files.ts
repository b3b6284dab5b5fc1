/** Where a processing keeps what it works by, below a run's products: `processing/{number}/`, one folder an attempt. Products have the original's names. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationError } from '../../domain/errors.ts';
import { cellKey, parseCellName } from '../../domain/sequencing/names.ts';
import type { ProcessingInput } from '../../workflows/sequencing/contract.ts';
import type { FileChecksum } from './checksums.ts';
import { writeFileAtomic } from '../platform/files/atomic.ts';
import { fileError, systemErrorCode } from '../platform/files/file-error.ts';
import type { FastqCounts, MergedFastq } from './merge-fastq.ts';

/** FASTQ files of one barcode that become one. Paths are below the run. */
export interface PlannedMerge {
  /** `.` where there is none. */
  barcode: string;
  part: 'pass' | 'fail';
  files: string[];
}

/** A bounded batch. */
export type PlannedPart = { merges: PlannedMerge[] } | { files: string[] };

export interface CellPlan {
  cell: string;
  kind: ProcessingInput['kind'];
  parts: PlannedPart[];
}

export interface MergeOutcome extends FastqCounts {
  barcode: string;
  part: 'pass' | 'fail';
  merged: MergedFastq['merged'];
}

export type PartOutcome = { merges: MergeOutcome[] } | { checksums: FileChecksum[] };

/** Directory of one attempt. @param output the run's products. */
export const workDirectory = (output: string, number: number): string => join(output, 'processing', String(number));

const planFile = (work: string, cell: string): string => join(work, `${cellKey(cell)}.plan.json`);
const partFile = (work: string, cell: string, part: number): string => join(work, `${cellKey(cell)}.${part}.json`);
/** One merge of a part; what was merged before a crash is not merged again. */
export const mergeFile = (work: string, cell: string, part: number, merge: number): string => join(work, `${cellKey(cell)}.${part}.${merge}.json`);

export const savePlan = (work: string, plan: CellPlan): Promise<void> => writeFileAtomic(planFile(work, plan.cell), JSON.stringify(plan));
export const savePart = (work: string, cell: string, part: number, outcome: PartOutcome): Promise<void> => writeFileAtomic(partFile(work, cell, part), JSON.stringify(outcome));

/** Throws `IntermediateLost`. */
export const readPlan = (work: string, cell: string): Promise<CellPlan> => readNeeded<CellPlan>(planFile(work, cell));
/** Throws `IntermediateLost`. */
export const readPart = (work: string, cell: string, part: number): Promise<PartOutcome> => readNeeded<PartOutcome>(partFile(work, cell, part));

async function readNeeded<T>(file: string): Promise<T> {
  const found = await readJson<T>(file);
  if (found === null) throw new OperationError('IntermediateLost', `${file}, which an earlier step of this processing wrote, is gone.`, { place: { file } });
  return found;
}

/** What was written before; null where nothing is. */
export async function readJson<T>(file: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw fileError(error, `read ${file}`, file);
  }
}

/** The products of one merge. */
export function mergeProducts(output: string, experiment: string, cell: string, { barcode, part }: Pick<PlannedMerge, 'barcode' | 'part'>): { fastq: string; md5: string; count: string } {
  const base = `${parseCellName(experiment, cell).base}_${barcode}_${part}`;
  return { fastq: join(output, `${base}.fastq.gz`), md5: join(output, 'md5sums', `${base}.fastq.gz.md5`), count: join(output, 'counts', `${base}.fastq.count`) };
}
