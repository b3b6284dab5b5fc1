/** One pass as a process of its own: `pass.mjs <scan> <base directories> <URL of the compiled reader>`. Plain JavaScript, so that nothing but the reader is measured. */
const [scan, baseDirectories, reader] = process.argv.slice(2);
if (scan === undefined || baseDirectories === undefined || reader === undefined) throw new Error('pass.mjs <scan> <base directories> <reader>');
const { passFile, readBaseDirectories } = await import(reader);
const { lines, groups } = await passFile(
  {
    path: scan,
    volume: 'bench',
    mount: '/',
    scannedAt: 1_790_000_000,
    size: 'recorded',
    hardLinks: 'once',
    baseDirectories: await readBaseDirectories(baseDirectories),
    pseudoGroups: [],
    pathAliases: [],
    rejectedLinesAllowed: 0,
  },
  {},
);
console.log(JSON.stringify({ lines: lines.accepted, bytes: groups.reduce((sum, row) => sum + BigInt(row.bytes), 0n).toString() }));
