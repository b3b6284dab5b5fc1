/** Objects in a bucket of an S3 store. */
export { openObjectStore, type ObjectHead, type ObjectStore, type ObjectStoreOptions, type PutFile } from './object-store.ts';
