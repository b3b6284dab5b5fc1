/**
 * What is derived from the schema: the editors' JSON schema and docs/configuration.md.
 * `node config/docs.ts` writes both; a test fails when they are out of date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { configSchema } from './schema.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The JSON schema of the configuration file (draft 2020-12), as editors read it. */
export function jsonSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ jsonSchema: schema }) => {
      // Bounds that come from the number type and defaults that only say "see inside" would be noise.
      if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
      if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
      if (schema.type === 'object' && JSON.stringify(schema.default) === '{}') delete schema.default;
    },
  });
}

export const jsonSchemaText = (): string => `${JSON.stringify(jsonSchema(), null, 2)}\n`;

/** docs/configuration.md: the introduction as it stands in the file, and after the mark a table for each section. */
export function configurationPage(present: string): string {
  const introduction = present.slice(0, present.indexOf(mark));
  const { properties = {} } = jsonSchema();
  const plain: string[] = [];
  const sections: string[] = [];
  for (const [key, schema] of Object.entries(properties)) {
    if (typeof schema === 'boolean' || key === '$schema') continue;
    if (schema.properties === undefined) plain.push(...rows(key, schema, false));
    else sections.push(`## \`${key}\``, '', schema.description ?? '', '', ...table(Object.entries(schema.properties).flatMap(([name, child]) => rows(`${key}.${name}`, child, required(schema, name)))));
  }
  return `${introduction}${mark}\n\n${['## Top level', '', ...table(plain), ...sections].join('\n').trimEnd()}\n`;
}

const mark = '<!-- From here on written by config/docs.ts. -->';

function table(lines: string[]): string[] {
  return ['| key | value | default | meaning |', '|---|---|---|---|', ...lines, ''];
}

function required(schema: JsonSchema, key: string): boolean {
  return schema.required?.includes(key) ?? false;
}

/** The table rows of one key and of all keys below it. */
function rows(key: string, schema: JsonSchema | boolean, needed: boolean): string[] {
  if (typeof schema === 'boolean') return [];
  const fallback = schema.default === undefined ? (needed ? '*needed*' : '') : code(JSON.stringify(schema.default));
  const own = `| ${code(key)} | ${valueWords(schema)} | ${fallback} | ${cell(schema.description ?? '')} |`;
  const alternatives = schema.oneOf ?? [];
  return [own, ...inside(key, schema), ...alternatives.flatMap((option) => [`| ${code(key)} | ${cell(choice(option))} | | ${cell(option.description ?? '')} |`, ...inside(key, option)])];
}

function inside(key: string, schema: JsonSchema): string[] {
  const items = schema.items;
  const list = Array.isArray(items) || typeof items !== 'object' ? [] : inside(`${key}[]`, items);
  const fields = Object.entries(schema.properties ?? {}).filter(([, child]) => typeof child === 'boolean' || child.const === undefined);
  const options = (schema.anyOf ?? []).flatMap((option) => inside(key, option));
  return [...list, ...fields.flatMap(([name, child]) => rows(`${key}.${name}`, child, required(schema, name))), ...options];
}

/** The fixed field that tells one alternative from another: `client: mysql`. */
function choice(schema: JsonSchema): string {
  return Object.entries(schema.properties ?? {})
    .flatMap(([name, child]) => (typeof child === 'object' && child.const !== undefined ? [code(`${name}: ${String(child.const)}`)] : []))
    .join(', ');
}

function valueWords(schema: JsonSchema): string {
  if (schema.$ref !== undefined) return '[secret](#secrets)';
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(', ');
  if (schema.oneOf !== undefined) return 'one of';
  if (schema.anyOf !== undefined) return schema.anyOf.map(valueWords).join(', or ');
  if (schema.prefixItems !== undefined) return `list of ${schema.prefixItems.length}: ${[...new Set(schema.prefixItems.map((item) => (typeof item === 'object' ? valueWords(item) : '')))].join(', ')}`;
  if (schema.type === 'array') return typeof schema.items === 'object' && !Array.isArray(schema.items) ? `list of ${valueWords(schema.items)}` : 'list';
  if (schema.type === 'object') return 'keys';
  if (schema.type === 'boolean') return '`true`, `false`';
  if (schema.type === 'string') return schema.pattern === '^\\/' ? 'absolute path' : 'text';
  const bounds = [
    schema.minimum === undefined ? '' : `≥ ${schema.minimum}`,
    schema.exclusiveMinimum === undefined ? '' : `> ${schema.exclusiveMinimum}`,
    schema.maximum === undefined ? '' : `≤ ${schema.maximum}`,
  ].filter((bound) => bound !== '');
  return [schema.type === 'integer' ? 'whole number' : 'number', bounds.join(', ')].join(' ').trim();
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}

if (import.meta.main) {
  const page = path.join(import.meta.dirname, '../docs/configuration.md');
  await writeFile(page, configurationPage(await readFile(page, 'utf8')));
  await writeFile(path.join(import.meta.dirname, 'longshore.schema.json'), jsonSchemaText());
}
