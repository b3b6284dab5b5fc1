/**
 * Secrets stand outside the configuration file: in the environment, or in a file of their own. Their values are read when
 * they are needed, never kept in a `Config`, and never part of a message.
 */
import { OperationError } from '../domain/errors.ts';
import { keyText, replaceKind } from './kinds.ts';
import { configSchema, secret as secretSchema, type Config, type Secret } from './schema.ts';
import { readTextFile } from './text-file.ts';

/** Longer than any key or token; a file beyond it is not a secret but a mistake. */
const largestSecretFile = 64 * 1024;
const openToOthers = 0o007;
const writableByGroup = 0o020;

/**
 * The value of a secret: the environment variable's, or the file's first line without its line end.
 *
 * A file must be closed to accounts that are neither its owner nor in its group, and its group may only read it: a
 * service account can then share it through a group, and nobody else sees or swaps it.
 *
 * Throws `ConfigError` when it is missing, empty or open to others; the sentence names the variable or file, not the value.
 */
export async function readSecret(secret: Secret, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  if ('env' in secret) {
    const value = env[secret.env];
    if (value === undefined || value === '') throw new OperationError('ConfigError', `The environment variable ${secret.env}, which should hold a secret, is not set.`);
    return value;
  }
  const { file } = secret;
  const text = await readTextFile(file, {
    what: 'secret file',
    largest: largestSecretFile,
    objection: ({ mode }) => ((mode & (openToOthers | writableByGroup)) === 0 ? null : `is open to other accounts: run chmod g-w,o= ${file}`),
  });
  if (text === null) throw new OperationError('ConfigError', `The secret file ${file} does not exist.`, { place: { file } });
  const [line = ''] = text.split(/\r?\n/, 1);
  if (line === '') throw new OperationError('ConfigError', `The secret file ${file} has an empty first line.`, { place: { file } });
  return line;
}

/** Every secret that a configuration names, with its key: `databases.storage.password`. */
export function secretsOf(config: Config): { key: string; secret: Secret }[] {
  const found: { key: string; secret: Secret }[] = [];
  replaceKind(configSchema, config, 'secret', (value, path) => {
    found.push({ key: keyText(path), secret: secretSchema.parse(value) });
    return value;
  });
  return found;
}

/** The configuration as it may be shown: each secret is a phrase that says where it comes from. */
export function maskSecrets(config: Config): unknown {
  return replaceKind(configSchema, config, 'secret', (value) => {
    const from = secretSchema.parse(value);
    return 'env' in from ? `(secret from the environment variable ${from.env})` : `(secret from the file ${from.file})`;
  });
}
