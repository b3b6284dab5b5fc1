/**
 * Which run a directory on an instrument is. The name is made from the first cell's date at first sight and then pinned to
 * (instrument, raw directory): the original made it anew each time, and a removed first cell made a new run of the rest.
 */
import { compareBytes } from './order.ts';

/** A decision that was made once. */
export interface Pin {
  /** The instrument's label in the configuration. */
  instrument: string;
  /** The directory's name on the instrument, as typed. */
  rawDirectory: string;
  experiment: string;
}

export interface Sighting {
  instrument: string;
  rawDirectory: string;
  /** Its cells' directories, without libraries; at least one. */
  cellDirectories: readonly string[];
}

/**
 * The run's name: `{date of the first cell}_{instrument}_{raw name without these}`, spaces as `_`, runs of `_` (and of `*`) as one.
 * A typed date that is not the first cell's stays.
 */
export function synthesizeExperiment({ instrument, rawDirectory, cellDirectories }: Sighting): string {
  const [first = ''] = cellDirectories.toSorted(compareBytes);
  const date = first.split('_')[0]!;
  const withoutDate = withoutPrefix(rawDirectory, `${date}_`);
  return `${date}_${instrument}_${withoutPrefix(withoutDate, `${instrument}_`)}`.replaceAll(' ', '_').replace(/_+/g, '_').replace(/\*+/g, '*');
}

const withoutPrefix = (text: string, prefix: string): string => (text.startsWith(prefix) ? text.slice(prefix.length) : text);

/** `taken`: another directory has that name already (`a b` and `a_b`); a person must rename one of the two. */
export type Identity = { kind: 'known'; experiment: string } | { kind: 'new'; experiment: string } | { kind: 'taken'; experiment: string; holder: Pin };

/** The run of a sighting: as pinned, else by its name, unless another directory holds that. */
export function identify(pins: readonly Pin[], sighting: Sighting): Identity {
  const known = pins.find((pin) => pin.instrument === sighting.instrument && pin.rawDirectory === sighting.rawDirectory);
  if (known !== undefined) return { kind: 'known', experiment: known.experiment };
  const experiment = synthesizeExperiment(sighting);
  const holder = pins.find((pin) => pin.experiment === experiment);
  return holder === undefined ? { kind: 'new', experiment } : { kind: 'taken', experiment, holder };
}
