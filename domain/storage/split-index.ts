/** `index.txt` of a split set: what it will cost to start a tree server on each group's file (storage.md 10.4, 14.4). */

/** How a tree server behaves. */
export interface TreeServerCost {
  linesPerSecond: number;
  /** Seconds that starting takes whatever the file holds. */
  overheadSeconds: number;
  /** Directories that a server holds beside those of the file. */
  extraNodes: number;
  /** Bytes a node by the share of directories among the lines, ascending: the first entry whose bound is not below the share counts. */
  bytesPerNode: readonly { atMostPercent: number; bytes: number }[];
}

/** The figures that the original was run with. */
export const originalTreeServer: TreeServerCost = {
  linesPerSecond: 11_000,
  overheadSeconds: 100,
  extraNodes: 50,
  bytesPerNode: [
    { atMostPercent: 0.8, bytes: 12_000 },
    { atMostPercent: 1.5, bytes: 10_000 },
    { atMostPercent: 2, bytes: 9_000 },
    { atMostPercent: 4, bytes: 8_500 },
    { atMostPercent: 100, bytes: 8_000 },
  ],
};

/** What a group has over all volumes. `directories` are among the `lines`, of which there is at least one. */
export interface GroupLines {
  lines: number;
  directories: number;
}

/** Whole seconds until a server on these lines answers. */
export function buildSeconds({ lines }: GroupLines, cost: TreeServerCost = originalTreeServer): number {
  return cost.overheadSeconds + Math.floor(lines / cost.linesPerSecond);
}

/** Bytes of memory that a server on these lines needs. A share beyond the last bound counts as the last. */
export function memoryBytes({ lines, directories }: GroupLines, cost: TreeServerCost = originalTreeServer): number {
  const percent = (directories * 100) / lines;
  const entry = cost.bytesPerNode.find(({ atMostPercent }) => percent <= atMostPercent) ?? cost.bytesPerNode.at(-1);
  return (directories * 2 + cost.extraNodes) * (entry?.bytes ?? 0);
}

/** A group of the index. */
export interface SplitCost extends GroupLines {
  gid: number;
  buildSeconds: number;
  memoryBytes: number;
}

/** What a tree server on each group's lines costs. */
export function splitCosts(groups: readonly (GroupLines & { gid: number })[], cost: TreeServerCost = originalTreeServer): SplitCost[] {
  return groups.map(({ gid, lines, directories }) => ({ gid, lines, directories, buildSeconds: buildSeconds({ lines, directories }, cost), memoryBytes: memoryBytes({ lines, directories }, cost) }));
}

/** The whole file: a header and a row a group, in the order given. `group` is printed as it is: it has no tab and no newline. */
export function splitIndex(rows: Iterable<GroupLines & { group: string }>, cost: TreeServerCost = originalTreeServer): string {
  let text = 'Group\tBuild Time (sec)\tMemory Use(bytes)\n';
  for (const row of rows) text += `${row.group}\t${buildSeconds(row, cost)}\t${memoryBytes(row, cost)}\n`;
  return text;
}
