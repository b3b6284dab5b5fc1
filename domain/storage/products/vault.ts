/** Vault entries, and the other links of files that may be in a vault. Which of them meet is found by inode later: they are too many to keep. */
import { pathText } from '../path-text.ts';
import { entryTypes, type Product, type StatRecord } from '../record.ts';
import { decodeVaultKey, isVaultAudit, type VaultKey } from '../vault-key.ts';

/** Takes what the product finds. The arguments are valid during the call. */
export interface VaultSink {
  /** A link in a vault; the path of the vault's root is the first `rootLength` bytes of the record's (0 for `/`). */
  entry(key: VaultKey, rootLength: number, record: StatRecord): void;
  /** A regular file with several links, outside any vault: one of them may be in a vault. */
  outside(record: StatRecord): void;
}

/** How many links of each kind a scan has. */
export interface VaultCounts {
  entries: number;
  /** What lies in a directory `.vault` and is neither a directory nor of a vault. */
  foreign: number;
  /** The paths of the first few, as text (`pathText`). */
  firstForeign: string[];
}

// Own constants: see `UsageProducts`.
const { file: aFile, directory: aDirectory } = entryTypes;
const foreignShown = 5;
const slash = 0x2f;
const vaultComponent = new TextEncoder().encode('/.vault/');
const last = vaultComponent.length - 1;

/** Horspool's search: how far its last byte can move on from each byte that it meets. */
const skip = new Uint8Array(256).fill(vaultComponent.length);
for (let index = 0; index < last; index++) skip[vaultComponent[index]!] = last - index;

export class VaultProduct implements Product<VaultCounts> {
  readonly name = 'vault';
  private readonly sink: VaultSink;
  /** Length of the path up to and with its first `.vault/`; 0 outside any. */
  private inside = 0;
  private entries = 0;
  private foreign = 0;
  private readonly firstForeign: string[] = [];

  constructor({ sink }: { sink: VaultSink }) {
    this.sink = sink;
  }

  add(record: StatRecord): void {
    // What the path shares with the one before was searched then.
    if (this.inside === 0 || record.shared < this.inside) this.inside = insideOf(record.path, record.shared, record.pathLength);
    if (this.inside === 0) {
      if (record.links > 1 && record.type === aFile) this.sink.outside(record);
    } else if (record.type !== aDirectory) this.addInside(record);
  }

  finish(): VaultCounts {
    return { entries: this.entries, foreign: this.foreign, firstForeign: [...this.firstForeign] };
  }

  private addInside(record: StatRecord): void {
    const { inside } = this;
    const { path, pathLength } = record;
    if (record.type === aFile) {
      const key = decodeVaultKey(path, inside, pathLength);
      if (key !== null) {
        // Without links it was taken out of the vault while it was looked at.
        if (record.links === 0) return;
        this.entries++;
        this.sink.entry(key, inside - vaultComponent.length, record);
        return;
      }
      if (isVaultAudit(path, inside, pathLength)) return;
    }
    this.foreign++;
    if (this.firstForeign.length < foreignShown) this.firstForeign.push(pathText(path.subarray(0, pathLength)));
  }
}

/** Length of `path` up to and with its first `/.vault/`, of which the first `searched` bytes hold none whole; 0 without one. */
function insideOf(path: Uint8Array, searched: number, length: number): number {
  for (let at = searched < last ? last : searched; at < length; at += skip[path[at]!]!) {
    if (path[at] !== slash) continue;
    let back = last - 1;
    while (back >= 0 && path[at - last + back] === vaultComponent[back]) back--;
    if (back < 0) return at + 1;
  }
  return 0;
}
