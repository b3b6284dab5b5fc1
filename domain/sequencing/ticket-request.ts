/** How a run's ticket is named in Request Tracker. */

/** `Experiment {name} : {part}`, on one line. */
export function ticketSubject(experiment: string, part: string): string {
  return `Experiment ${experiment} : ${part}`.replace(/\p{Cc}+/gu, ' ');
}
