import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

const manifest: unknown = JSON.parse(readFileSync(findPackageJSON('..', import.meta.url)!, 'utf8'));

/** Of Longshore, for what is written down of its work. */
export const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';
