import { readFile } from 'node:fs/promises';
import type { DirectoryServiceConfig } from '../../../config/schema.ts';
import { OperationError } from '../../../domain/errors.ts';
import { fileError } from '../../platform/files/file-error.ts';
import { run } from '../../platform/processes/run.ts';

/** What `getent group` or `getent passwd` prints: from the site's dumps where it has some, else from the host. */
export async function accountDump(directory: DirectoryServiceConfig, database: 'group' | 'passwd', signal?: AbortSignal): Promise<string | Uint8Array> {
  const file = directory.source === 'dumps' ? directory.dumps?.[database] : undefined;
  if (file !== undefined) {
    try {
      return await readFile(file);
    } catch (error) {
      throw fileError(error, `read ${file} (directory.dumps.${database})`, file);
    }
  }
  const { code, stdout, stderr } = await run('getent', [database], { timeoutMs: 60_000, maxOutputBytes: 2 ** 26, signal });
  if (code !== 0) throw new OperationError('ExternalToolFailed', `getent ${database} ended with ${String(code)}: ${stderr.trim()}`);
  return stdout;
}
