/** All that comes. */
export async function collected<T>(items: Iterable<T> | AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** What sorting on the disk does, for few rows. */
export async function* sortedInMemory<Row>(rows: Iterable<Row> | AsyncIterable<Row>, keyOf: (row: Row) => string): AsyncGenerator<Row> {
  const keyed = (await collected(rows)).map((row) => ({ key: keyOf(row), row }));
  for (const { row } of keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))) yield row;
}
