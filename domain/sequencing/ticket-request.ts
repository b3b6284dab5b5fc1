/** How a run's ticket is named and found in Request Tracker. */
import type { ExperimentTypeName } from './experiment-type.ts';

/** The key under which the configuration names the queue of a run's tickets. */
export function ticketQueueKey(type: ExperimentTypeName): string {
  return `promrun_${type}`;
}

/** `Experiment {name} : {part}`, on one line. */
export function ticketSubject(experiment: string, part: string): string {
  return `Experiment ${experiment} : ${part}`.replace(/\p{Cc}+/gu, ' ');
}

export interface Ticket {
  id: number;
  subject: string;
}

/** The run's ticket among open ones: its name as a whole word, since names can begin others; of several the highest number. */
export function findTicket<T extends Ticket>(tickets: readonly T[], experiment: string): T | null {
  const name = new RegExp(`(?<!\\S)${experiment.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`)}(?!\\S)`, 'u');
  return tickets.filter(({ subject }) => name.test(subject)).reduce<T | null>((best, next) => (best === null || next.id > best.id ? next : best), null);
}

/** Text as a field of REST 1.0: its further lines are indented by six blanks. */
export function indentedText(text: string): string {
  return text.replaceAll('\r', '').replaceAll('\n', '\n      ');
}
