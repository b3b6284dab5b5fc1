/** Byte counts as text. Sizes are bigint: sums over a site pass 2^53. */

const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** Nearest integer to numerator ÷ denominator (denominator > 0), halves away from zero. */
export function divideRounded(numerator: bigint, denominator: bigint): bigint {
  const magnitude = ((numerator < 0n ? -numerator : numerator) * 2n + denominator) / (denominator * 2n);
  return numerator < 0n ? -magnitude : magnitude;
}

/**
 * Bytes for people: binary units, three digits at least, no exponent: `512 B`, `1.50 KiB`, `117 MiB`, `22.2 TiB`.
 * Never `1024 KiB`: what rounds up to a whole next unit is shown in that unit. EiB is open-ended.
 */
export function formatBytes(bytes: bigint): string {
  const sign = bytes < 0n ? '-' : '';
  const size = bytes < 0n ? -bytes : bytes;
  if (size < 1024n) return `${sign}${size} B`;
  let unit = 0;
  while (unit < units.length - 1 && divideRounded(size, scale(unit)) >= 1024n) unit++;
  // Two, one or no decimals, by the size of the rounded number: 9.996 is shown as 10.0, not as 10.00.
  for (const decimals of [2, 1]) {
    const digits = divideRounded(size * 10n ** BigInt(decimals), scale(unit)).toString();
    if (digits.length <= 3) return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)} ${units[unit]}`;
  }
  return `${sign}${divideRounded(size, scale(unit))} ${units[unit]}`;
}

/** Bytes in one `units[unit]`. */
function scale(unit: number): bigint {
  return 1024n ** BigInt(unit + 1);
}

/**
 * Bytes as the original reports print them, for readers of those: below 1024 the bare number, otherwise a unit up to PiB,
 * chosen before rounding (hence `1024.0 KiB`), rounded to two decimals half to even, printed as Python prints a float.
 */
export function humanise(bytes: bigint): string {
  if (bytes < 1024n) return bytes.toString();
  let unit = 0;
  while (unit < 4 && bytes >= scale(unit + 1)) unit++;
  // Python divides floats and rounds their exact value: so is the nearest double taken first, then rounded exactly.
  const numerator = BigInt(Number(bytes)) * 100n;
  const divisor = scale(unit);
  const floor = numerator / divisor;
  const twiceRest = (numerator % divisor) * 2n;
  const up = twiceRest > divisor || (twiceRest === divisor && floor % 2n === 1n);
  const hundredths = up ? floor + 1n : floor;
  // Beyond 2^53 hundredths a double has no digits left to round.
  const value = hundredths < 2n ** 53n ? Number(hundredths) / 100 : Number(bytes) / Number(divisor);
  return `${pythonFloat(value)} ${units[unit]}`;
}

function pythonFloat(value: number): string {
  if (value >= 1e16) return value.toExponential();
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
