/**
 * From a file to a `Config`: finds the file, reads it as YAML (JSON is YAML too), checks it, and makes relative paths
 * absolute. Everything that is wrong is said at once, a sentence a fault, with the key and where possible the line.
 */
import path from 'node:path';
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document, type YAMLParseError } from 'yaml';
import { z } from 'zod';
import { OperationError } from '../domain/errors.ts';
import { keyText, leadsTo, replaceKind } from './kinds.ts';
import { configSchema, type Config } from './schema.ts';
import { readTextFile } from './text-file.ts';

export interface LoadedConfig {
  config: Config;
  /** Absolute path of the file it came from; null when no file was found and everything is default. */
  file: string | null;
}

export interface LoadOptions {
  /** What `--config` named. */
  file?: string;
  /** Where relative names start; default the working directory. */
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** One mebibyte is larger than any real configuration by far, and keeps the parser's memory bounded. */
const rules = { what: 'configuration file', largest: 1024 * 1024 };
/** How often anchors may be repeated in total; a file that unfolds beyond it is an attack or an accident. */
const mostAliases = 100;
/** After so many sentences nobody reads on. */
const mostFaults = 20;

interface Found {
  file: string;
  text: string;
}

interface Fault {
  line: number | undefined;
  sentence: string;
}

/**
 * Loads the configuration. The first of these counts: `options.file` (`--config`), the variable `LONGSHORE_CONFIG`,
 * `longshore.yaml` in the working directory, `/etc/longshore/longshore.yaml`; without any of them, the defaults.
 * The first two must exist. Throws one `ConfigError` whose message has a line for each fault.
 */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  const cwd = options.cwd ?? process.cwd();
  const found = await findFile(options, cwd);
  if (found === null) return { config: absolutePaths(configSchema.parse({}), cwd), file: null };
  const shown = shorter(found.file, cwd);
  const { config, faults } = parseConfig(found.text);
  if (config === null) {
    const sentences = faults.slice(0, mostFaults).map(({ line, sentence }) => `${shown}${line === undefined ? '' : `:${line}`}: ${sentence}`);
    if (faults.length > mostFaults) sentences.push(`${shown}: There are ${faults.length - mostFaults} more faults.`);
    const line = faults.find((fault) => fault.line !== undefined)?.line;
    throw new OperationError('ConfigError', sentences.join('\n'), { place: { file: found.file, ...(line !== undefined && { line }) } });
  }
  return { config: absolutePaths(config, path.dirname(found.file)), file: found.file };
}

async function findFile({ file, env = process.env }: LoadOptions, cwd: string): Promise<Found | null> {
  const named = file !== undefined ? { name: file, by: '--config' } : env['LONGSHORE_CONFIG'] ? { name: env['LONGSHORE_CONFIG'], by: 'LONGSHORE_CONFIG' } : null;
  if (named !== null) {
    const text = await readTextFile(path.resolve(cwd, named.name), rules);
    if (text === null) throw new OperationError('ConfigError', `The configuration file ${named.name}, named by ${named.by}, does not exist.`);
    return { file: path.resolve(cwd, named.name), text };
  }
  for (const place of [path.resolve(cwd, 'longshore.yaml'), '/etc/longshore/longshore.yaml']) {
    const text = await readTextFile(place, rules);
    if (text !== null) return { file: place, text };
  }
  return null;
}

/** Checks a text. Either `config` is there, with paths as written, or `faults` has at least one. */
export function parseConfig(text: string): { config: Config; faults: [] } | { config: null; faults: Fault[] } {
  const lines = new LineCounter();
  const lineAt = (offset: number) => lines.linePos(offset).line;
  let document: Document;
  let raw: unknown;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
    if (document.errors.length > 0) {
      return { config: null, faults: document.errors.map((error) => ({ line: lineAt(error.pos[0]), sentence: syntaxFault(error, text) })) };
    }
    raw = document.toJS({ maxAliasCount: mostAliases });
  } catch (error) {
    const why = error instanceof RangeError ? 'It is nested too deeply.' : sentenceOf(error instanceof Error ? error.message : String(error));
    return { config: null, faults: [{ line: undefined, sentence: `This YAML cannot be used: ${why}` }] };
  }
  const result = configSchema.safeParse(raw ?? {}, { error: carry });
  if (result.success) return { config: result.data, faults: [] };
  const faults = result.error.issues
    .flatMap((issue) => faultsOf(issue, raw))
    .map(({ path: key, sentence }) => ({ line: lineOf(document, key, lineAt), sentence }));
  return { config: null, faults: faults.sort((one, other) => (one.line ?? 0) - (other.line ?? 0)) };
}

function absolutePaths(config: Config, directory: string): Config {
  return configSchema.parse(replaceKind(configSchema, config, 'path', (value) => path.resolve(directory, String(value))));
}

/** A file as people know it: relative when it is below the working directory. */
function shorter(file: string, cwd: string): string {
  const relative = path.relative(cwd, file);
  return relative.startsWith('..') ? file : relative;
}

function syntaxFault(error: YAMLParseError, text: string): string {
  if (error.code === 'DUPLICATE_KEY') return `The key ${/^[^:\s]*/.exec(text.slice(error.pos[0]))?.[0] ?? ''} is there twice.`;
  return `This is not valid YAML: ${sentenceOf(error.message)}`;
}

function sentenceOf(text: string): string {
  const [first = ''] = text.split('\n', 1);
  return first.endsWith('.') ? first : `${first}.`;
}

// --- faults in words -------------------------------------------------------------------------------------------------

/**
 * What zod keeps as the message of an issue without one of its own: the expectation, or for unknown keys the keys that
 * are known there (only here is the object's schema at hand).
 */
function carry(issue: z.core.$ZodRawIssue): string {
  if (issue.code !== 'unrecognized_keys') return expectation(issue);
  return issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape).join(' ') : '';
}

const typeWords: Record<string, string> = { string: 'text', number: 'a number', int: 'a whole number', boolean: 'true or false', object: 'keys and values', array: 'a list' };

function expectation(issue: z.core.$ZodRawIssue): string {
  if (issue.code === 'invalid_type') return `expected ${typeWords[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `expected ${oneOf(issue.values)}`;
  if (issue.code === 'invalid_union' && Array.isArray(issue.options)) return `expected ${oneOf(issue.options)}`;
  if (issue.code === 'too_small') return `expected ${issue.exact ? 'exactly' : issue.inclusive ? 'at least' : 'more than'} ${counted(issue.minimum, issue.origin)}`;
  if (issue.code === 'too_big') return `expected ${issue.exact ? 'exactly' : issue.inclusive ? 'at most' : 'less than'} ${counted(issue.maximum, issue.origin)}`;
  return 'expected another form';
}

function oneOf(values: readonly unknown[]): string {
  const words = values.map((value) => JSON.stringify(value));
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function counted(count: number | bigint, origin: string): string {
  const unit = origin === 'array' ? (Number(count) === 1 ? ' entry' : ' entries') : origin === 'string' ? ' characters' : '';
  return `${count}${unit}`;
}

function faultsOf(issue: z.core.$ZodIssue, raw: unknown, parent: readonly PropertyKey[] = []): { path: PropertyKey[]; sentence: string }[] {
  const key = [...parent, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(' ');
    return issue.keys.map((unknown) => {
      const near = nearest(unknown, known);
      const hint = near === null ? `expected one of ${known.join(', ')}` : `did you mean ${near}?`;
      return { path: [...key, unknown], sentence: `${keyText([...key, unknown])} is not a key here: ${hint}${near === null ? '.' : ''}` };
    });
  }
  if (issue.code === 'invalid_union' && !leadsTo(configSchema, key, 'secret')) {
    // The alternative that was meant is the one whose outer form fits: its own faults say more than the union's.
    const meant = issue.errors.filter((faults) => faults.every((fault) => fault.path.length > 0));
    if (meant.length === 1) return meant[0]!.flatMap((fault) => faultsOf(fault, raw, key));
  }
  return [{ path: key, sentence: `${keyText(key) || 'The file'} ${stateOf(raw, key)}: ${issue.message}.` }];
}

/** What stands at a key, in words: never the value of a secret, nor an account in a URL. */
function stateOf(raw: unknown, key: readonly PropertyKey[]): string {
  let value = raw;
  for (const step of key) value = typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined;
  if (value === undefined) return 'is missing';
  if (value === null) return 'is empty (leave the key out for its default)';
  if (leadsTo(configSchema, key, 'secret')) return 'is not the name of a secret';
  if (Array.isArray(value)) return value.length === 0 ? 'is an empty list' : `is a list of ${value.length}`;
  if (typeof value === 'object') return 'is a set of keys';
  const text = JSON.stringify(typeof value === 'string' ? value.replace(/\/\/[^/\s]*@/g, '//***@') : value);
  return `is ${text.length > 80 ? `${text.slice(0, 79)}…` : text}`;
}

/** The known key that a typing error most likely meant. */
function nearest(word: string, known: readonly string[]): string | null {
  const [best] = known.map((candidate) => ({ candidate, distance: distance(word.toLowerCase(), candidate.toLowerCase()) })).sort((one, other) => one.distance - other.distance);
  return best !== undefined && best.distance <= (word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3))) ? best.candidate : null;
}

/** Levenshtein’s distance. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1)));
    row = next;
  }
  return row.at(-1)!;
}

/** The line of a key, or of what contains it when it is missing. */
function lineOf(document: Document, key: readonly PropertyKey[], lineAt: (offset: number) => number): number | undefined {
  let node: unknown = document.contents;
  let offset = isNode(node) ? node.range?.[0] : undefined;
  for (const step of key) {
    if (isAlias(node)) node = node.resolve(document);
    let place: unknown;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === step);
      place = pair?.key;
      node = pair?.value;
    } else if (isSeq(node) && typeof step === 'number') {
      place = node = node.items[step];
    }
    if (!isNode(place)) break;
    offset = place.range?.[0] ?? offset;
  }
  return offset === undefined ? undefined : lineAt(offset);
}
