import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { loadLibisal } from '../../../../activities/storage/read-scan/inflate/libisal.ts';
import { DamagedFile, ScanFile } from '../../../../activities/storage/read-scan/scan-file.ts';

const KiB = 1024;
const text = Buffer.from('"/lustre/v1/a"\t10\t1\t2\t3\t4\t5\tf\t6\t1\t7\n'.repeat(6));
const member = gzipSync(text);
const digest = (data: Uint8Array): string => createHash('md5').update(data).digest('hex');

/** The member with a header of chosen length, as the format's extra field allows. */
function padded(gz: Uint8Array, extra: number): Buffer {
  const header = Buffer.from(gz.subarray(0, 12));
  header[3] = 4;
  header.writeUInt16LE(extra, 10);
  return Buffer.concat([header, Buffer.alloc(extra, 'x'), gz.subarray(10)]);
}
/** One that takes `size` bytes of a file. */
function memberOf(size: number): { gz: Buffer; text: Buffer } {
  for (let length = size - 100; ; length -= 20_000) {
    const data = randomBytes(length);
    const gz = gzipSync(data, { level: 0 });
    const room = size - gz.length - 2;
    if (room >= 0 && room < 65_536) return { gz: padded(gz, room), text: data };
  }
}

describe('a scan file', () => {
  let directory: string;
  before(async () => (directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-scan-'))));
  after(() => rm(directory, { recursive: true }));

  const engines = ['zlib', 'libisal'] as const;
  for (const engine of engines) {
    describe(`inflated by ${engine}`, () => {
      before(function () {
        if (engine === 'libisal' && (process.platform !== 'linux' || process.arch !== 'x64')) this.skip();
      });

      /** Digest and length of the text, or what is wrong. */
      async function read(content: Uint8Array): Promise<{ text: string; readBytes: number } | { problem: string; truncated: boolean }> {
        const file = path.join(directory, 'scan.gz');
        await writeFile(file, content);
        const scan = await ScanFile.open(file, { engine });
        try {
          const hash = createHash('md5');
          for await (const chunk of scan.chunks()) hash.update(chunk);
          return { text: hash.digest('hex'), readBytes: scan.readBytes };
        } catch (error) {
          if (!(error instanceof DamagedFile)) throw error;
          return { problem: error.message, truncated: error.truncated };
        } finally {
          await scan.close();
        }
      }
      const whole = (content: Uint8Array, expected: Uint8Array): unknown => ({ text: digest(expected), readBytes: content.length });
      const cutShort = { problem: 'ends in the middle of its compressed data', truncated: true };
      const junk = { problem: 'is damaged or has other data behind its end (incorrect header check)', truncated: false };
      const hidden = { problem: 'has data behind the end of its compressed part', truncated: false };
      const zeros = Buffer.alloc(3000);

      it('sees that a file is cut short, wherever that is', async () => {
        const two = Buffer.concat([padded(member, 20), member]);
        for (let length = 2; length < two.length; length++) {
          const content = two.subarray(0, length);
          assert.deepEqual(await read(content), length === member.length + 22 ? whole(content, text) : cutShort, `${length} bytes`);
        }
      });

      it('sees every flipped bit that matters', async () => {
        // Time, flags and system in the header mean nothing; neither does the bit that says that the content is text.
        const idle = (byte: number, bit: number): boolean => (byte >= 4 && byte <= 9) || (byte === 3 && bit === 0);
        for (let byte = 2; byte < member.length; byte++) {
          for (let bit = 0; bit < 8; bit++) {
            const content = Buffer.from(member);
            content[byte]! ^= 1 << bit;
            const found = await read(content);
            if (idle(byte, bit)) assert.deepEqual(found, whole(content, text), `bit ${bit} of byte ${byte}`);
            else assert.ok('problem' in found, `bit ${bit} of byte ${byte}`);
          }
        }
      });

      it('tells a wrong checksum from a wrong method', async () => {
        const flipped = Buffer.from(member);
        flipped[member.length - 5]! ^= 0x10;
        assert.deepEqual(await read(flipped), { problem: 'is damaged or has other data behind its end (incorrect data check)', truncated: false });
        const method = Buffer.from(member);
        method[2] = 7;
        assert.deepEqual(await read(method), { problem: 'is damaged or has other data behind its end (unknown compression method)', truncated: false });
      });

      const cases: [string, Buffer, Buffer | typeof junk][] = [
        ['many members', Buffer.concat(Array.from({ length: 400 }, () => member)), Buffer.concat(Array.from({ length: 400 }, () => text))],
        ['empty members', Buffer.concat([gzipSync(''), member, gzipSync(''), gzipSync(''), member, gzipSync('')]), Buffer.concat([text, text])],
        ['nothing but an empty member', gzipSync(''), Buffer.alloc(0)],
        ['padding', Buffer.concat([member, zeros]), text],
        ['much padding', Buffer.concat([member, Buffer.alloc(3_000_000)]), text],
        ['one zero', Buffer.concat([member, Buffer.alloc(1)]), text],
        ['junk', Buffer.concat([member, Buffer.from('junk')]), junk],
        ['two bytes of junk', Buffer.concat([member, Buffer.from('ju')]), junk],
        ['junk behind padding', Buffer.concat([member, zeros, Buffer.from('junk')]), hidden],
        ['junk behind much padding', Buffer.concat([member, Buffer.alloc(3_000_000), Buffer.from('j')]), hidden],
        ['a member behind padding', Buffer.concat([member, zeros, member]), hidden],
        ['a small text', gzipSync('x'), Buffer.from('x')],
      ];
      for (const [name, content, expected] of cases) {
        it(`reads ${name}`, async () => {
          assert.deepEqual(await read(content), expected instanceof Buffer ? whole(content, expected) : expected);
        });
      }

      it('reads text and members that end where buffers do', async () => {
        for (const size of [256 * KiB, 512 * KiB, 1024 * KiB]) {
          for (const length of [size - 1, size, size + 1]) {
            const data = Buffer.alloc(length, text);
            const content = Buffer.concat([gzipSync(data), member]);
            assert.deepEqual(await read(content), whole(content, Buffer.concat([data, text])), `text of ${length} bytes`);
            const first = memberOf(length);
            assert.equal(first.gz.length, length);
            for (const [name, more, expected] of [['a member', member, text], ['nothing', Buffer.alloc(0), Buffer.alloc(0)], ['padding', zeros, Buffer.alloc(0)]] as const) {
              const file = Buffer.concat([first.gz, more]);
              assert.deepEqual(await read(file), whole(file, Buffer.concat([first.text, expected])), `a member of ${length} bytes and ${name}`);
            }
            assert.deepEqual(await read(Buffer.concat([first.gz, Buffer.from('junk')])), junk);
            assert.deepEqual(await read(first.gz.subarray(0, -1)), cutShort);
          }
        }
      });

      it('reads far more than its buffers hold', async () => {
        const data = randomBytes(12 * 1024 * KiB);
        const content = gzipSync(data, { level: 0 });
        assert.deepEqual(await read(content), whole(content, data));
      });

      it('reads plain text as it is', async () => {
        assert.deepEqual(await read(text), whole(text, text));
        assert.deepEqual(await read(Buffer.alloc(0)), whole(Buffer.alloc(0), Buffer.alloc(0)));
      });

      it('can be left at any chunk', async () => {
        const file = path.join(directory, 'left.gz');
        const data = Buffer.alloc(8_000_000, text);
        await writeFile(file, gzipSync(data));
        for (let chunks = 1; chunks <= 6; chunks++) {
          const scan = await ScanFile.open(file, { engine });
          let left = chunks;
          let at = 0;
          for await (const chunk of scan.chunks()) {
            assert.ok(data.subarray(at, at + chunk.length).equals(chunk));
            at += chunk.length;
            if (--left === 0) break;
          }
          await scan.close();
          assert.ok(at > 0);
        }
      });

      it('notices that it was replaced, or cut, while it was read', async () => {
        const file = path.join(directory, 'changing.gz');
        const content = gzipSync(randomBytes(8_000_000), { level: 1 });
        await writeFile(file, content);
        const replaced = await ScanFile.open(file, { engine });
        for await (const chunk of replaced.chunks()) {
          assert.ok(chunk.length > 0);
          await writeFile(`${file}.new`, content);
          await rename(`${file}.new`, file);
        }
        await assert.rejects(replaced.checkUnchanged(), { name: 'InputNotReady' });
        await replaced.close();

        const cut = await ScanFile.open(file, { engine });
        await assert.rejects(async () => {
          for await (const chunk of cut.chunks()) if (chunk.length > 0) await truncate(file, 5_000_000);
        }, { truncated: true });
        await assert.rejects(cut.checkUnchanged(), { name: 'InputNotReady' });
        await cut.close();
      });
    });
  }

  it('says what inflates it, and why', async () => {
    const file = path.join(directory, 'engine.gz');
    await writeFile(file, member);
    const engineOf = async (engine?: 'auto' | 'zlib'): Promise<unknown> => {
      const scan = await ScanFile.open(file, engine === undefined ? {} : { engine });
      await scan.close();
      return scan.engineUsed;
    };
    assert.deepEqual(await engineOf('zlib'), { name: 'zlib', why: 'as configured' });
    const libisal = await loadLibisal();
    const expected = typeof libisal === 'string' ? { name: 'zlib', why: `libisal cannot be used: ${libisal}` } : { name: 'libisal', why: 'it passed its self-test' };
    assert.deepEqual([await engineOf('auto'), await engineOf()], [expected, expected]);
  });
});
