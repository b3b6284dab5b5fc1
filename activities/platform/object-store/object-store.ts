import { createHash, hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type * as Sdk from '@aws-sdk/client-s3';
import { OperationError } from '../../../domain/errors.ts';
import { withFileErrors } from '../files/file-error.ts';
import { storeError } from './store-error.ts';

export interface ObjectStoreOptions {
  /** http or https URL, without user or password. */
  endpoint: string;
  region: string;
  bucket: string;
  /** Goes before all keys, with a slash between; may be empty. */
  prefix: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** The bucket in the path instead of the host name: what most stores outside AWS need. */
  forcePathStyle: boolean;
  /** Longest time without an answer to one request, default one minute. */
  timeoutMs?: number;
  /** Larger files go up in parts of this many bytes, default 16 MiB; at least 5 MiB, but for the last. One part a file is in memory. */
  partBytes?: number;
}

export interface PutFile {
  file: string;
  bytes: number;
  /** Of the whole file, hexadecimal: kept with the object. */
  sha256: string;
  signal?: AbortSignal | undefined;
  /** Called after each part with its bytes. */
  onBytes?: ((bytes: number) => void) | undefined;
}

export interface ObjectHead {
  bytes: number;
  /** As the one who put it said, hexadecimal; null when he did not. */
  sha256: string | null;
}

interface Asked {
  signal?: AbortSignal | undefined;
}

/**
 * Keys are relative to the prefix. Requests that fail for a moment are tried three times. Throws `TransportError` (refused,
 * slow, broken off, the store's own fault), `PermissionDenied`, `NotFound` (no such bucket), `StorageFull`, `ConfigError`
 * (wrong region), `ContractError` (any other refusal). No message has a credential in it.
 */
export interface ObjectStore {
  /** `s3://<bucket>/<prefix>`, for people. */
  readonly url: string;
  /** The object is there whole or not at all. Throws `IntegrityMismatch` when the file is not what `bytes` and `sha256` say. */
  putFile(key: string, put: PutFile): Promise<void>;
  putText(key: string, text: string, asked?: Asked): Promise<void>;
  /** Null when there is none. */
  head(key: string, asked?: Asked): Promise<ObjectHead | null>;
  /** Null when there is none. */
  getText(key: string, asked?: Asked): Promise<string | null>;
  /** All objects whose keys begin with `start`, in the order of keys. `modified` is in milliseconds (epoch), by the store's clock. */
  list(start: string, asked?: Asked): AsyncGenerator<{ key: string; bytes: number; modified: number }>;
  /** Those that are gone already do not matter. */
  delete(keys: readonly string[], asked?: Asked): Promise<void>;
  /** Gives up uploads in parts below `start` that began before `beforeMs` (epoch) and were never completed: their parts take space and nobody sees them. */
  abandonUploads(start: string, beforeMs: number, asked?: Asked): Promise<void>;
  close(): void;
}

const smallestPart = 5 * 2 ** 20;
const mostParts = 10_000;
/** Keys in one request to delete. */
const mostDeleted = 1000;

/** Nothing is asked of the store yet. Throws `ConfigError`. */
export async function openObjectStore(options: ObjectStoreOptions): Promise<ObjectStore> {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey, forcePathStyle, timeoutMs = 60_000, partBytes = 16 * 2 ** 20 } = options;
  checkEndpoint(endpoint);
  if (partBytes < smallestPart) throw new OperationError('ConfigError', `Parts of ${partBytes} bytes are too small for an object store: at least ${smallestPart} are needed.`);
  // Loading it takes a third of a second, and most processes never need it.
  const sdk = await import('@aws-sdk/client-s3');
  const client = new sdk.S3Client({
    endpoint,
    region,
    forcePathStyle,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 3,
    requestHandler: { connectionTimeout: Math.min(timeoutMs, 10_000), requestTimeout: timeoutMs, throwOnRequestTimeout: true, socketTimeout: timeoutMs },
  });
  return new S3ObjectStore(sdk, client, bucket, options.prefix, new URL(endpoint).host, partBytes);
}

function checkEndpoint(endpoint: string): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) throw new OperationError('ConfigError', 'The endpoint of the object store is not an http or https URL.');
  if (url.username !== '' || url.password !== '') throw new OperationError('ConfigError', 'The endpoint of the object store must not hold a user or a password.');
}

class S3ObjectStore implements ObjectStore {
  readonly url: string;
  private readonly sdk: typeof Sdk;
  private readonly client: Sdk.S3Client;
  private readonly bucket: string;
  private readonly prefix: string;
  private readonly host: string;
  private readonly partBytes: number;

  constructor(sdk: typeof Sdk, client: Sdk.S3Client, bucket: string, prefix: string, host: string, partBytes: number) {
    const bare = prefix.replaceAll(/^\/+|\/+$/g, '');
    this.sdk = sdk;
    this.client = client;
    this.bucket = bucket;
    this.prefix = bare === '' ? '' : `${bare}/`;
    this.host = host;
    this.partBytes = partBytes;
    this.url = `s3://${bucket}/${this.prefix}`;
  }

  async putFile(key: string, put: PutFile): Promise<void> {
    const input = await withFileErrors('read', put.file, () => open(put.file, constants.O_RDONLY));
    try {
      await (put.bytes <= this.partBytes ? this.putWhole(key, put, input) : this.putParts(key, put, input));
    } finally {
      await input.close();
    }
  }

  async putText(key: string, text: string, { signal }: Asked = {}): Promise<void> {
    const body = Buffer.from(text);
    const digest = hash('sha256', body, 'buffer');
    await this.ask(`write ${key}`, signal, (options) =>
      this.client.send(
        new this.sdk.PutObjectCommand({ ...this.at(key), Body: body, ContentType: contentType(key), ChecksumSHA256: digest.toString('base64'), Metadata: { sha256: digest.toString('hex') } }),
        options,
      ),
    );
  }

  async head(key: string, { signal }: Asked = {}): Promise<ObjectHead | null> {
    const found = await this.askMaybe(`look at ${key}`, signal, (options) => this.client.send(new this.sdk.HeadObjectCommand(this.at(key)), options));
    return found === null ? null : { bytes: found.ContentLength ?? 0, sha256: found.Metadata?.['sha256'] ?? null };
  }

  async getText(key: string, { signal }: Asked = {}): Promise<string | null> {
    return await this.askMaybe(`read ${key}`, signal, async (options) => {
      const found = await this.client.send(new this.sdk.GetObjectCommand(this.at(key)), options);
      return (await found.Body?.transformToString()) ?? '';
    });
  }

  async *list(start: string, { signal }: Asked = {}): AsyncGenerator<{ key: string; bytes: number; modified: number }> {
    let token: string | undefined;
    do {
      const page = await this.ask(`list ${start}*`, signal, (options) =>
        this.client.send(new this.sdk.ListObjectsV2Command({ Bucket: this.bucket, Prefix: this.prefix + start, ContinuationToken: token }), options),
      );
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        if (Key !== undefined) yield { key: Key.slice(this.prefix.length), bytes: Size ?? 0, modified: LastModified?.getTime() ?? 0 };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async delete(keys: readonly string[], { signal }: Asked = {}): Promise<void> {
    for (let at = 0; at < keys.length; at += mostDeleted) {
      const some = keys.slice(at, at + mostDeleted);
      const doing = `delete ${some[0]}${some.length > 1 ? ` and ${some.length - 1} more` : ''}`;
      const { Errors: refused = [] } = await this.ask(doing, signal, (options) =>
        this.client.send(new this.sdk.DeleteObjectsCommand({ Bucket: this.bucket, Delete: { Objects: some.map((key) => ({ Key: this.prefix + key })), Quiet: true } }), options),
      );
      const [first] = refused.filter(({ Code }) => Code !== 'NoSuchKey');
      if (first !== undefined) throw this.problem(Object.assign(new Error('not deleted'), { name: first.Code ?? 'Error', $metadata: {} }), doing);
    }
  }

  async abandonUploads(start: string, beforeMs: number, { signal }: Asked = {}): Promise<void> {
    const doing = `list unfinished uploads of ${start}*`;
    let marker: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
    while (marker !== undefined) {
      const from: { KeyMarker?: string; UploadIdMarker?: string } = marker;
      const page = await this.ask(doing, signal, (options) => this.client.send(new this.sdk.ListMultipartUploadsCommand({ Bucket: this.bucket, Prefix: this.prefix + start, ...from }), options));
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (Key === undefined || UploadId === undefined || (Initiated?.getTime() ?? 0) >= beforeMs) continue;
        await this.askMaybe(`give up an upload of ${Key}`, signal, (options) => this.client.send(new this.sdk.AbortMultipartUploadCommand({ Bucket: this.bucket, Key, UploadId }), options));
      }
      const { NextKeyMarker, NextUploadIdMarker } = page;
      marker = page.IsTruncated === true && NextKeyMarker !== undefined ? { KeyMarker: NextKeyMarker, ...(NextUploadIdMarker === undefined ? {} : { UploadIdMarker: NextUploadIdMarker }) } : undefined;
    }
  }

  close(): void {
    this.client.destroy();
  }

  private at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.bucket, Key: this.prefix + key };
  }

  /** In one request, which the store checks by the digest. */
  private async putWhole(key: string, { file, bytes, sha256, signal, onBytes }: PutFile, input: FileHandle): Promise<void> {
    const body = await readPart(file, input, 0, bytes + 1);
    checkDigest(file, body.length === bytes && hash('sha256', body) === sha256);
    await this.ask(`write ${key}`, signal, (options) =>
      this.client.send(
        new this.sdk.PutObjectCommand({
          ...this.at(key),
          Body: body,
          ContentType: contentType(key),
          ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64'),
          Metadata: { sha256 },
        }),
        options,
      ),
    );
    onBytes?.(bytes);
  }

  /** In parts, each of which the store checks by a sum. Nobody sees the object before the last step, which comes after the digest is known to be right. */
  private async putParts(key: string, { file, bytes, sha256, signal, onBytes }: PutFile, input: FileHandle): Promise<void> {
    const doing = `write ${key}`;
    const partBytes = Math.max(this.partBytes, Math.ceil(bytes / mostParts));
    const { UploadId } = await this.ask(doing, signal, (options) =>
      this.client.send(new this.sdk.CreateMultipartUploadCommand({ ...this.at(key), ContentType: contentType(key), ChecksumAlgorithm: 'CRC32', Metadata: { sha256 } }), options),
    );
    const upload = { ...this.at(key), UploadId };
    try {
      const hash = createHash('sha256');
      const parts: { PartNumber: number; ETag?: string; ChecksumCRC32?: string }[] = [];
      let at = 0;
      for (let PartNumber = 1; at < bytes; PartNumber++) {
        const body = await readPart(file, input, at, partBytes);
        if (body.length === 0) break;
        hash.update(body);
        at += body.length;
        const part = await this.ask(doing, signal, (options) => this.client.send(new this.sdk.UploadPartCommand({ ...upload, PartNumber, Body: body, ChecksumAlgorithm: 'CRC32' }), options));
        parts.push({ PartNumber, ...(part.ETag === undefined ? {} : { ETag: part.ETag }), ...(part.ChecksumCRC32 === undefined ? {} : { ChecksumCRC32: part.ChecksumCRC32 }) });
        onBytes?.(body.length);
      }
      checkDigest(file, at === bytes && hash.digest('hex') === sha256);
      await this.ask(doing, signal, (options) => this.client.send(new this.sdk.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts } }), options));
    } catch (error) {
      // The store may be gone; `abandonUploads` finds what stays.
      await this.client.send(new this.sdk.AbortMultipartUploadCommand(upload), { requestTimeout: 2000 }).catch(() => undefined);
      throw error;
    }
  }

  private async ask<T>(doing: string, signal: AbortSignal | undefined, request: (options: { abortSignal?: AbortSignal }) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    try {
      return await request(signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw this.problem(error, doing);
    }
  }

  /** Null when the store says that there is no such object. */
  private async askMaybe<T>(doing: string, signal: AbortSignal | undefined, request: (options: { abortSignal?: AbortSignal }) => Promise<T>): Promise<T | null> {
    return await this.ask(doing, signal, async (options) => {
      try {
        return await request(options);
      } catch (error) {
        if (error instanceof Error && ['NoSuchKey', 'NotFound', 'NoSuchUpload'].includes(error.name)) return null;
        throw error;
      }
    });
  }

  private problem(error: unknown, doing: string): unknown {
    return storeError(error, `${doing} in ${this.url} at ${this.host}`, this.bucket);
  }
}

const contentType = (key: string): string => (key.endsWith('.json') ? 'application/json' : key.endsWith('.gz') ? 'application/gzip' : 'text/plain; charset=utf-8');

async function readPart(file: string, input: FileHandle, at: number, length: number): Promise<Buffer> {
  return await withFileErrors('read', file, async () => {
    const block = Buffer.allocUnsafe(length);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await input.read(block, filled, length - filled, at + filled);
      filled += bytesRead;
      if (bytesRead === 0 || filled === length) return block.subarray(0, filled);
    }
  });
}

function checkDigest(file: string, right: boolean): void {
  if (!right) throw new OperationError('IntegrityMismatch', `${file} is not what its manifest says: it changed since, or it is damaged.`, { place: { file } });
}
