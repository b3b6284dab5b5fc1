/** Where the time of a workflow goes, by the events of its history. */

/** One activity of a run, as the server saw it; times in seconds on one clock. */
export interface ActivityTimes {
  name: string;
  started: number;
  ended: number;
}

export interface Timeline {
  begun: number;
  ended: number;
  activities: readonly ActivityTimes[];
  /** What the pass says that it took itself. */
  passSeconds: number;
}

/** Seconds of a run, part by part; they add up to the whole. */
export interface Parts {
  /** Reading the scan. */
  pass: number;
  /** Around it: its thread, writing figures and looking at them. */
  figures: number;
  /** While at least one product was being loaded. */
  loads: number;
  /** While another activity ran. */
  others: number;
  /** While none ran: the server and the worker told each other what is next. */
  temporal: number;
}

export function partsOf({ begun, ended, activities, passSeconds }: Timeline): Parts {
  const timesOf = (wanted: (name: string) => boolean): number => covered(activities.filter(({ name }) => wanted(name)));
  const read = timesOf((name) => name === 'readScan');
  const loads = timesOf((name) => name === 'loadProduct');
  const others = timesOf((name) => name !== 'readScan' && name !== 'loadProduct');
  return { pass: passSeconds, figures: read - passSeconds, loads, others, temporal: ended - begun - covered(activities) };
}

/** Time in which at least one of them ran. */
function covered(activities: readonly ActivityTimes[]): number {
  let seconds = 0;
  let until = -Infinity;
  for (const { started, ended } of activities.toSorted((a, b) => a.started - b.started)) {
    seconds += Math.max(0, ended - Math.max(started, until));
    until = Math.max(until, ended);
  }
  return seconds;
}
