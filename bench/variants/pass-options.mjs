/** The options of a pass, from what the bench says of its input. */
export async function passOptions({ readBaseDirectories, fileTypesOf }, { scan, baseDirectories, volume, mount, scannedAt, products, engine }) {
  return {
    path: scan,
    volume,
    mount,
    scannedAt,
    size: 'recorded',
    hardLinks: 'once',
    baseDirectories: await readBaseDirectories(baseDirectories),
    pseudoGroups: [],
    pathAliases: [],
    fileTypes: fileTypesOf({ fileTypes: 'default' }),
    products,
    engine,
    splitLevel: 6,
    rejectedLinesAllowed: 0,
  };
}
