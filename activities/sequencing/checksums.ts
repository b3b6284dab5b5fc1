import { createHash } from 'node:crypto';
import { open, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { OperationError } from '../../domain/errors.ts';
import { compareBytes } from '../../domain/sequencing/order.ts';
import type { Hooks } from '../platform/activity.ts';
import { writeFileAtomic } from '../platform/files/atomic.ts';
import { withFileErrors } from '../platform/files/file-error.ts';

export interface FileChecksum {
  /** Relative to the directory that was given. */
  path: string;
  bytes: number;
  /** Lower-case hexadecimal digits. */
  digest: string;
}

export interface ChecksumProgress {
  files: number;
  bytes: number;
  /** The file that is read now. */
  file: string;
}

const readSize = 2 ** 20;
const progressEveryBytes = 64 * 2 ** 20;

/** The regular files below a directory, relative to it, in byte order; hidden ones and what lies in hidden directories (remnants of copies) are left out. Throws `NotFound`, `PermissionDenied`, `TransportError`. */
export async function listFiles(directory: string): Promise<string[]> {
  const entries = await withFileErrors('list the files in', directory, () => readdir(directory, { recursive: true, withFileTypes: true }));
  const files = entries.filter((entry) => entry.isFile()).map((entry) => relative(directory, join(entry.parentPath, entry.name)));
  return files.filter((file) => !/(?:^|\/)\./u.test(file)).sort(compareBytes);
}

/**
 * Checksums of a batch of files, in the order given. MD5 is what receivers expect beside the data; SHA-256 is what MinKNOW lists.
 *
 * Throws `NotFound`, `PermissionDenied`, `TransportError`, `InputNotReady` (a file changed while it was read); rejects with the signal's reason.
 * @param batch `files` are relative to `directory`.
 */
export async function checksumFiles(batch: { directory: string; files: readonly string[]; algorithm?: 'md5' | 'sha256' }, hooks: Hooks<ChecksumProgress> = {}): Promise<FileChecksum[]> {
  const checksums: FileChecksum[] = [];
  let bytes = 0;
  let told = -Infinity;
  for (const file of batch.files) {
    const read = (count: number): void => {
      hooks.signal?.throwIfAborted();
      bytes += count;
      if (bytes - told < progressEveryBytes) return;
      told = bytes;
      hooks.onProgress?.({ files: checksums.length, bytes, file });
    };
    checksums.push({ path: file, ...(await checksum(join(batch.directory, file), batch.algorithm ?? 'md5', read)) });
  }
  return checksums;
}

async function checksum(path: string, algorithm: string, read: (bytes: number) => void): Promise<{ bytes: number; digest: string }> {
  read(0);
  return withFileErrors('read', path, async () => {
    const handle = await open(path, 'r');
    try {
      const before = await handle.stat();
      const hash = createHash(algorithm);
      const block = Buffer.allocUnsafeSlow(readSize);
      let bytes = 0;
      for (;;) {
        const { bytesRead } = await handle.read(block, 0, readSize, bytes);
        if (bytesRead === 0) break;
        hash.update(block.subarray(0, bytesRead));
        bytes += bytesRead;
        read(bytesRead);
      }
      const after = await handle.stat();
      if (bytes !== after.size || before.mtimeMs !== after.mtimeMs) throw new OperationError('InputNotReady', `${path} changed while it was read.`, { place: { file: path }, retryAfterSeconds: 300 });
      return { bytes, digest: hash.digest('hex') };
    } finally {
      await handle.close();
    }
  });
}

/**
 * Writes checksums as `md5sum -c` reads them: by path in byte order, two blanks between; a line whose name holds a line break or a backslash
 * begins with a backslash and shows them as `\n` and `\\`. Throws what `writeFileAtomic` throws.
 */
export async function writeChecksums(target: string, checksums: Iterable<FileChecksum>): Promise<void> {
  const sorted = [...checksums].toSorted((a, b) => compareBytes(a.path, b.path));
  await writeFileAtomic(target, sorted.map(checksumLine).join(''));
}

function checksumLine({ path, digest }: FileChecksum): string {
  const escaped = path.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`).replaceAll('\r', String.raw`\r`);
  return `${escaped === path ? '' : '\\'}${digest}  ${escaped}\n`;
}
