import type { VaultRow } from '../../domain/storage/vault-row.ts';

/** A row of the vault report, with changes. */
export const sampleVaultRow = (changes: Partial<VaultRow> = {}): VaultRow => ({
  volume: 'scratch117', path: '/l/a', branch: 'Keep', user: 'ab12', uid: 13000, nameKnown: true, group: 'hgi', gid: 1000, groupKnown: true, size: 2n ** 53n + 1n, lastModified: '2022-06-12', inode: '18446744073709551615', markedPath: '/l/a', moved: false, gone: false, keyInode: null, alsoIn: [], recordDate: '2022-06-14', ...changes,
});
