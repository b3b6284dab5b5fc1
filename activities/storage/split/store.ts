import type { Secret, StorageConfig } from '../../../config/schema.ts';
import { openObjectStore, type ObjectStore } from '../../platform/object-store/index.ts';

/** The object store for split sets; null when none is configured. */
export async function splitStore({ split: { upload } }: StorageConfig, readSecret: (secret: Secret) => Promise<string>): Promise<ObjectStore | null> {
  if (upload === undefined) return null;
  const { endpoint = `https://s3.${upload.region}.amazonaws.com`, accessKeyId, secretAccessKey, ...rest } = upload;
  return openObjectStore({ ...rest, endpoint, accessKeyId: await readSecret(accessKeyId), secretAccessKey: await readSecret(secretAccessKey) });
}
