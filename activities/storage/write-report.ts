import path from 'node:path';
import type { StorageConfig } from '../../config/schema.ts';
import { lurgeGroupReport } from '../../domain/storage/compat-lurge.ts';
import { lurgeUserReport } from '../../domain/storage/compat-lurge-users.ts';
import type { ReportRow } from '../../domain/storage/report-row.ts';
import { reportTsv } from '../../domain/storage/report-tsv.ts';
import type { UserRow } from '../../domain/storage/user-row.ts';
import { userTsv } from '../../domain/storage/user-tsv.ts';
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

/** Writes the day's user TSV beside it and says where: `users-YYYY-MM-DD.tsv`, or with `compat: lurge` `user-reports/YYYY-MM-DD.tsv`. */
export async function writeUserTsv(input: { directory: string; date: string; rows: readonly UserRow[]; config: StorageConfig }): Promise<string> {
  const { directory, date, rows, config } = input;
  const lurge = config.compat === 'lurge';
  const file = lurge ? path.join(directory, 'user-reports', `${date}.tsv`) : path.join(directory, `users-${date}.tsv`);
  await writeFileAtomic(file, lurge ? lurgeUserReport(rows, config.volumes.map((each) => each.name)) : userTsv(rows));
  return file;
}
