/**
 * Why a figure of the original differs from ours. Ids beginning with B, S and R are faults that are known of the original's code;
 * those beginning with N are decisions that differ. docs/moving-from-lurge.md lists the same ids; a test compares them.
 */
export const knownFaults = {
  B1: 'The last block of up to 249 lines of each scan was never counted.',
  B2: 'Directories counted each hard link in full.',
  B3: 'Each hard link counted size ÷ links, rounded down, where it lay; here an inode counts once.',
  B4: 'Sizes were divided as floating-point numbers, which are not exact above 8 PiB.',
  B5: 'Base directories were compared as text and the first that fitted was taken: /a/proj also held what lies in /a/project2.',
  B6: 'A base directory whose path occurs again below it was cut out twice.',
  B7: 'A directory’s own entry was counted as a file, and its time as a file’s time.',
  B8: 'A file directly in `users` became a directory of its own.',
  B9: '`.cram` files were not recognised, only `.cram.gz`.',
  B11: 'Directory sizes were kept in whole GiB, and those of file types in GiB with two decimals.',
  B12: 'The forecast did not find the history of paths that people see under another name.',
  B14: 'Paths in vault keys were decoded wrongly where the key or the path has an underscore.',
  B15: 'Names of groups were looked up by text and never found.',
  B17: 'The forecast was a line through two points.',
  B18: 'Times after the scan were ignored, or taken as they were; here they are the time of the scan.',
  B19: 'A group without a principal investigator had one with an empty name.',
  B20: 'Unknown users and groups lost their numbers: they share an empty name, or none.',
  B21: 'Days were those of the clock of the host that ran it.',
  B22: 'Quotas were those of the day on which it ran, whatever the date of the record.',
  B24: 'Principal investigators were known by surname alone.',
  S1: 'Warnings followed other thresholds than those that were documented.',
  S4: 'Data of pseudo-groups was dropped, or left with its real group.',
  R9: 'Runs at the same time wrote the same rows twice.',
  N1: 'What lay below none of a group’s base directories was dropped; here it is reported at the mount point.',
  N2: 'The same figures stand under another path: `storage.pathAliases` differ.',
  N3: 'Metadata directories that people see as one path had a row each.',
  N4: 'Only the branches Keep and Archive of vaults were recorded.',
  N5: 'Days since the last modification were rounded; here only whole days count.',
  N6: 'File types follow other rules here (`storage.fileTypes`).',
  N7: '`projects` was one directory; here each directory in it is one.',
  N8: 'A newest modification before 1970 was stored as 1970-01-01.',
  N9: 'Of one inode in two branches of a vault, only the last that was read was kept.',
  N10: 'Inodes were never judged: here a group is warned that runs out of them.',
} as const;

export type FaultId = keyof typeof knownFaults;
