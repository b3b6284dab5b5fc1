import path from 'node:path';
import type { StorageConfig } from '../../config/schema.ts';
import { lurgeGroupReport } from '../../domain/storage/compat-lurge.ts';
import type { ReportRow } from '../../domain/storage/report-row.ts';
import { reportTsv } from '../../domain/storage/report-tsv.ts';
import { writeFileAtomic } from '../platform/files/atomic.ts';

/**
 * Writes the day's TSV and says where. Its name is the corrected form's (`storage-YYYY-MM-DD.tsv`), or, with
 * `compat: lurge`, the one that readers of the original look for (`report-output-files/report-YYYYMMDD.tsv`).
 */
export async function writeReportTsv(input: { directory: string; date: string; rows: readonly ReportRow[]; config: StorageConfig }): Promise<string> {
  const { directory, date, rows, config } = input;
  const lurge = config.compat === 'lurge';
  const file = lurge ? path.join(directory, 'report-output-files', `report-${date.replaceAll('-', '')}.tsv`) : path.join(directory, `storage-${date}.tsv`);
  await writeFileAtomic(file, lurge ? lurgeGroupReport(rows) : reportTsv(rows, config.forecast.days));
  return file;
}
