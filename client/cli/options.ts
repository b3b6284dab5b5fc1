/** What texts of options mean; each of these throws `ContractError` with the option's name and what was expected. */
import { isPlainDate } from '../../domain/dates.ts';
import { OperationError } from '../../domain/errors.ts';

/** A date, YYYY-MM-DD. */
export function plainDate(option: string, text: string): string {
  if (!isPlainDate(text)) throw new OperationError('ContractError', `${option} is "${text}": expected YYYY-MM-DD.`);
  return text;
}

/** The two dates of a period, in their order. */
export function checkPeriod({ from, to }: { from: string; to: string }): void {
  if (plainDate('--from', from) > plainDate('--to', to)) throw new OperationError('ContractError', `--from (${from}) is after --to (${to}).`);
}

/** A whole number above 0. */
export function positive(option: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/u.test(text)) throw new OperationError('ContractError', `${option} is "${text}": expected a whole number above 0.`);
  return Number(text);
}

/** Words separated by commas. */
export const listed = (text: string): string[] => text.split(',').map((word) => word.trim());

/** Some of the known words, separated by commas. */
export function someOf<Word extends string>(option: string, text: string, known: readonly Word[]): Word[] {
  return listed(text).map((word) => {
    const found = known.find((each) => each === word);
    if (found === undefined) throw new OperationError('ContractError', `${option} has "${word}": expected ${known.join(', ')}.`);
    return found;
  });
}
