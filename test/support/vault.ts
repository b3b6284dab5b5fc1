/** How a vault names its links. Written for the tests alone, so that it can disagree with the decoder. */
import type { RandomEntry } from './random-scan.ts';

/** The key of a file below its branch (one character a byte): inode in hexadecimal bytes, marked path in base64, cut where a name would be too long. */
export function vaultKey(inode: bigint, markedPath: string): string {
  const digits = inode.toString(16);
  const bytes = (digits.length % 2 === 0 ? digits : `0${digits}`).match(/../gu)!;
  const encoded = Buffer.from(markedPath, 'latin1').toString('base64').replaceAll('/', '_');
  return `${bytes.join('/')}-${encoded.match(/.{1,252}/gu)?.join('/')}`;
}

/** An entry of a scan; links outside and inside of a vault have to agree on the inode. */
export const entryAt = (path: string, changes: Partial<RandomEntry> = {}): RandomEntry => ({
  parts: path.slice(1).split('/'), type: 'f', size: 10n, apparentSize: 10n, uid: 1, gid: 2, atime: 5, mtime: 6, ctime: 7, inode: 9n, links: 2, ...changes,
});
