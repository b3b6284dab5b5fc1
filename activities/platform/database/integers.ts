/** A 64-bit integer as both dialects hand it over: a number while that is exact, else its decimal digits. */
export type StoredInteger = number | string | bigint;

/** The exact value of a stored integer. Throws a RangeError for a number that cannot have been exact. */
export function asBigInt(value: StoredInteger): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new RangeError(`${value} is not an exact integer.`);
  return BigInt(value);
}

/** The same for a column that may be null. */
export function asBigIntOrNull(value: StoredInteger | null): bigint | null {
  return value === null ? null : asBigInt(value);
}

/** What a driver's bigint becomes in a row: mysql2's rule, so that rows look alike on every dialect. */
export function asStored(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
