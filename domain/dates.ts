/**
 * Plain dates: calendar days as `YYYY-MM-DD`, without time or zone, from 0001-01-01 to 9999-12-31 in the Gregorian calendar.
 * As strings they sort, compare and travel as they are.
 */
import { OperationError } from './errors.ts';

/** A site's zone, as rules need it: calendar date and clock on one side, Unix seconds on the other. */
export interface SiteZone {
  /** The calendar date of an instant. */
  dateOf(unixSeconds: number): string;
  /** The instant at which that date's clock shows `secondsOfDay`. */
  instantOf(date: string, secondsOfDay: number): number;
}

const daysBeforeMonth = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334] as const;
const daysBefore1970 = 719162;
const lastDay = 2932896; // 9999-12-31

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 0001-01-01 to the first day of `year`. */
function daysBeforeYear(year: number): number {
  const past = year - 1;
  return past * 365 + Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400);
}

const exists = (year: number, month: number, day: number): boolean => year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);

/** `YYYY-MM-DD` of three numbers, or null when there is no such day. */
function civil(year: number, month: number, day: number): string | null {
  if (!exists(year, month, day)) return null;
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}

/** True for the text of a day that exists. */
export function isPlainDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && exists(Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8)));
}

/** `YYYYMMDD`, as file names have it, to a plain date; null when there is no such day. */
export function dateOfDigits(text: string): string | null {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(text);
  return match === null ? null : civil(Number(match[1]), Number(match[2]), Number(match[3]));
}

/** The days that rows are about are few, and asked for with every one. */
const numbers = new Map<string, number>();
const mostNumbers = 10_000;

/** Days since 1970-01-01. Throws `ContractError` for anything but a plain date. */
export function dayNumber(date: string): number {
  let number = numbers.get(date);
  if (number === undefined) {
    number = countedDays(date);
    if (numbers.size >= mostNumbers) numbers.clear();
    numbers.set(date, number);
  }
  return number;
}

function countedDays(date: string): number {
  if (!isPlainDate(date)) throw new OperationError('ContractError', `“${date}” is not a date; expected YYYY-MM-DD.`);
  const year = Number(date.slice(0, 4));
  const month = Number(date.slice(5, 7));
  const leapDay = month > 2 && isLeap(year) ? 1 : 0;
  return daysBeforeYear(year) + daysBeforeMonth[month - 1]! + leapDay + Number(date.slice(8)) - 1 - daysBefore1970;
}

/** The date `day` days after 1970-01-01. Throws `ContractError` outside the years 1 to 9999. */
export function dateOfDay(day: number): string {
  if (!Number.isInteger(day) || day < -daysBefore1970 || day > lastDay) throw new OperationError('ContractError', `Day ${day} lies outside the years 1 to 9999.`);
  let rest = day + daysBefore1970;
  let year = Math.floor(rest / 365.2425) + 1; // right, or one off next to new year
  while (daysBeforeYear(year) > rest) year--;
  while (daysBeforeYear(year + 1) <= rest) year++;
  rest -= daysBeforeYear(year);
  let month = 1;
  while (rest >= daysInMonth(year, month)) rest -= daysInMonth(year, month++);
  return civil(year, month, rest + 1)!;
}

/** Whole days from one date to another; negative when `to` is earlier. */
export function daysBetween(from: string, to: string): number {
  return dayNumber(to) - dayNumber(from);
}

/** The date `days` days later (earlier when negative). */
export function addDays(date: string, days: number): string {
  return dateOfDay(dayNumber(date) + days);
}
