import { createHash } from 'node:crypto';

/** Bytes that depend on nothing but their key: the same in every process, whatever was asked for before. */
export class Random {
  readonly #key: string;
  #block = Buffer.alloc(0);
  #at = 0;
  #blocks = 0;

  constructor(...key: (string | number)[]) {
    this.#key = JSON.stringify(key);
  }

  bytes(count: number): Buffer {
    const parts: Buffer[] = [];
    for (let missing = count; missing > 0; ) {
      if (this.#at === this.#block.length) {
        this.#block = createHash('sha512').update(`${this.#key} ${this.#blocks++}`).digest();
        this.#at = 0;
      }
      const part = this.#block.subarray(this.#at, this.#at + missing);
      this.#at += part.length;
      missing -= part.length;
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  /** An integer from 0 to below `limit`. */
  below(limit: number): number {
    return this.bytes(4).readUInt32LE() % limit;
  }

  hex(digits: number): string {
    return this.bytes(Math.ceil(digits / 2)).toString('hex').slice(0, digits);
  }

  uuid(): string {
    const hex = this.hex(32);
    return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20)].join('-');
  }
}
