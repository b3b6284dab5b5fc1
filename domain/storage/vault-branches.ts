/** Branches of a vault, by the names that people use; on disk three of them begin with a dot. */
export const vaultBranches = ['keep', 'archive', 'stash', 'staged', 'limbo'] as const;
export type VaultBranch = (typeof vaultBranches)[number];
