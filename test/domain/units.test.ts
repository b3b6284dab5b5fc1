import assert from 'node:assert/strict';
import fc from 'fast-check';
import { divideRounded, formatBytes, humanise } from '../../domain/units.ts';

describe('humanise', () => {
  // Printed by Python 3 for the original's rule: str(round(bytes / 1024**k, 2)).
  const vectors: [bytes: bigint, text: string][] = [
    [0n, '0'],
    [1023n, '1023'],
    [1024n, '1.0 KiB'],
    [1536n, '1.5 KiB'],
    [1029n, '1.0 KiB'],
    [1048575n, '1024.0 KiB'], // the unit is chosen before rounding
    [1048576n, '1.0 MiB'],
    [123456789n, '117.74 MiB'],
    [1152n, '1.12 KiB'], // 1.125: half to even
    [2693n, '2.63 KiB'],
    [2739n, '2.67 KiB'],
    [1408n, '1.38 KiB'], // 1.375: half to even, upwards
    [1099511627775n, '1024.0 GiB'],
    [24457013605009n, '22.24 TiB'],
    [32985348833280n, '30.0 TiB'],
    [10n ** 16n, '8.88 PiB'],
    [2n ** 53n + 1n, '8.0 PiB'],
    [1024n ** 6n, '1024.0 PiB'], // no unit above
    [2n ** 63n - 1n, '8192.0 PiB'],
    [10n ** 25n, '8881784197.0 PiB'],
    [10n ** 32n, '8.881784197001253e+16 PiB'],
  ];
  for (const [bytes, text] of vectors) it(`prints ${bytes} as ${text}`, () => assert.equal(humanise(bytes), text));
});

describe('formatBytes', () => {
  const vectors: [bytes: bigint, text: string][] = [
    [0n, '0 B'],
    [1n, '1 B'],
    [1023n, '1023 B'],
    [1024n, '1.00 KiB'],
    [1536n, '1.50 KiB'],
    [10n * 1024n, '10.0 KiB'],
    [10234n, '9.99 KiB'],
    [10238n, '10.0 KiB'], // 9.998, not 10.00
    [102399n, '100 KiB'], // 99.999, not 100.0
    [1048064n, '1.00 MiB'], // 1023.5 KiB would round to 1024
    [1048063n, '1023 KiB'],
    [123456789n, '118 MiB'],
    [24457013605009n, '22.2 TiB'],
    [10n ** 16n, '8.88 PiB'],
    [2n ** 70n, '1024 EiB'],
    [-1536n, '-1.50 KiB'],
  ];
  for (const [bytes, text] of vectors) it(`shows ${bytes} as ${text}`, () => assert.equal(formatBytes(bytes), text));

  it('has three or four digits above 1023 bytes, and is never further off than half a step', () => {
    fc.assert(
      fc.property(fc.bigInt(1024n, 2n ** 69n), (bytes) => {
        const [number = '', unit = ''] = formatBytes(bytes).split(' ');
        const digits = number.replace('.', '');
        assert.ok(digits.length === 3 || (digits.length === 4 && !number.includes('.')), number);
        const exponent = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'].indexOf(unit) + 1;
        assert.ok(exponent > 0);
        const decimals = BigInt(number.includes('.') ? number.length - number.indexOf('.') - 1 : 0);
        const error = bytes * 10n ** decimals - BigInt(digits) * 1024n ** BigInt(exponent);
        assert.ok(2n * (error < 0n ? -error : error) <= 1024n ** BigInt(exponent));
      }),
    );
  });
});

describe('divideRounded', () => {
  const vectors: [numerator: bigint, denominator: bigint, quotient: bigint][] = [
    [7n, 2n, 4n],
    [-7n, 2n, -4n],
    [10n, 4n, 3n],
    [9n, 4n, 2n],
    [-9n, 4n, -2n],
    [0n, 5n, 0n],
  ];
  for (const [numerator, denominator, quotient] of vectors) it(`${numerator} / ${denominator} is ${quotient}`, () => assert.equal(divideRounded(numerator, denominator), quotient));
});
