/**
 * Intel's libisal through koffi: inflates several times as fast as zlib. Its state is a C structure that is reached by
 * offsets, which no version number guards at run time: a self-test decides whether this library is the one that is known here.
 */
import { gzipSync } from 'node:zlib';

/** Offsets in `struct inflate_state` of libisal 2.30 on x86-64. */
const offsets = { nextOut: 0, availableOut: 8, nextIn: 16, availableIn: 32, blockState: 21_160, checksum: 21_172 } as const;
/** More than the structure takes in any version so far (88 KiB). */
const stateSize = 128 * 1024;
const library = 'libisal.so.2';
const blockFinished = 5;
const gzipMembers = 1;

/** One gzip member at a time: input and output are places in memory that belong to the caller. */
export interface Inflation {
  /** Forgets what was inflated before, input and output: a member begins. */
  reset(): void;
  /** The memory must stay what it is until it is used up or set anew. */
  setInput(bytes: Uint8Array): void;
  setOutput(bytes: Uint8Array): void;
  availableIn(): number;
  availableOut(): number;
  /** The member is over, its checksum and length are right. Nothing else shows that it is whole. */
  isFinished(): boolean;
  /** Inflates until input or output are used up or the member ends, in the thread pool; negative results are faults. Must be awaited before anything else is done. */
  run(): Promise<number>;
}

export interface Libisal {
  createInflation(): Inflation;
}

let loading: Promise<Libisal | string> | undefined;

/** The library, or why it cannot be used, in words that complete “libisal is not used: ”. */
export const loadLibisal = (): Promise<Libisal | string> => (loading ??= load());

async function load(): Promise<Libisal | string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return `it is not known on ${process.platform} ${process.arch}`;
  try {
    const { default: koffi } = await import('koffi');
    const functions = koffi.load(library);
    const init = functions.func('void isal_inflate_init(uintptr_t state)');
    const inflate = functions.func('int isal_inflate(uintptr_t state)');
    const libisal: Libisal = {
      createInflation() {
        const state = Buffer.allocUnsafeSlow(stateSize).fill(0xff);
        const view = new DataView(state.buffer, state.byteOffset, stateSize);
        const address = koffi.address(state);
        return {
          reset() {
            init(address);
            if (Object.values(offsets).some((offset) => view.getUint32(offset, true) !== 0)) throw new Error('its state is laid out in another way');
            view.setUint32(offsets.checksum, gzipMembers, true);
          },
          setInput(bytes) {
            view.setBigUint64(offsets.nextIn, koffi.address(bytes), true);
            view.setUint32(offsets.availableIn, bytes.length, true);
          },
          setOutput(bytes) {
            view.setBigUint64(offsets.nextOut, koffi.address(bytes), true);
            view.setUint32(offsets.availableOut, bytes.length, true);
          },
          availableIn: () => view.getUint32(offsets.availableIn, true),
          availableOut: () => view.getUint32(offsets.availableOut, true),
          isFinished: () => view.getUint32(offsets.blockState, true) === blockFinished,
          run: () =>
            new Promise((resolve, reject) => {
              inflate.async(address, (error: unknown, result: number) => (error === null ? resolve(result) : reject(error)));
            }),
        };
      },
    };
    const fault = await selfTest(libisal);
    return fault === null ? libisal : `its self-test failed: ${fault}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What a library must get right, and what it must not let pass, before it is trusted with a scan; null when it does. */
export async function selfTest(libisal: Libisal): Promise<string | null> {
  const text = Buffer.from('longshore '.repeat(50));
  const member = gzipSync(text);
  const flipped = Buffer.from(member);
  flipped[member.length - 5]! ^= 1; // in the checksum, which is before the length
  const cases: { name: string; input: Uint8Array; expected: { fault: boolean; finished: boolean; out: number; left: number } }[] = [
    { name: 'a member', input: member, expected: { fault: false, finished: true, out: text.length, left: 0 } },
    { name: 'two members', input: Buffer.concat([member, member]), expected: { fault: false, finished: true, out: text.length, left: member.length } },
    { name: 'a member that is cut short', input: member.subarray(0, -1), expected: { fault: false, finished: false, out: text.length, left: 0 } },
    { name: 'a wrong checksum', input: flipped, expected: { fault: true, finished: false, out: text.length, left: 0 } },
  ];
  const inflation = libisal.createInflation();
  for (const { name, input, expected } of cases) {
    const output = Buffer.allocUnsafeSlow(text.length + 100);
    inflation.reset();
    inflation.setInput(input);
    inflation.setOutput(output);
    const result = await inflation.run();
    const out = output.length - inflation.availableOut();
    const right =
      result < 0 === expected.fault &&
      out === expected.out &&
      output.subarray(0, out).equals(text) &&
      (expected.fault || (inflation.isFinished() === expected.finished && inflation.availableIn() === expected.left));
    if (!right) return name;
  }
  return null;
}
