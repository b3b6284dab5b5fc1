/**
 * What a configuration value is beyond its type. The schema marks such values; whoever treats them differently
 * (relative paths when the file is loaded, secrets when it is shown) finds them by their mark, wherever they stand.
 */
import { z } from 'zod';

/** `path`: may be relative to the file's directory. `secret`: a reference whose value is never shown. */
export type Kind = 'path' | 'secret';

type Schema = z.core.$ZodType;

export const kinds = z.registry<{ kind: Kind }>();

/** The schema behind optional and default wrappers. */
function unwrap(schema: Schema): Schema {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault ? unwrap(schema.unwrap()) : schema;
}

function isKind(schema: Schema, kind: Kind): boolean {
  return kinds.get(schema)?.kind === kind || kinds.get(unwrap(schema))?.kind === kind;
}

/** The schemas that may stand at `key` of a value of `schema`: several where there are alternatives. */
function below(schema: Schema, key: PropertyKey): Schema[] {
  const here = unwrap(schema);
  if (here instanceof z.ZodObject) return Object.entries(here.shape).flatMap(([name, child]) => (name === key ? [child] : []));
  if (here instanceof z.ZodArray) return [here.element];
  if (here instanceof z.ZodUnion) return here.options.flatMap((option) => below(option, key));
  return [];
}

/** Does `path` lead to a value of that kind, or into one? */
export function leadsTo(schema: Schema, path: readonly PropertyKey[], kind: Kind): boolean {
  let here = [schema];
  for (const key of path) {
    here = here.flatMap((candidate) => below(candidate, key));
    if (here.some((candidate) => isKind(candidate, kind))) return true;
  }
  return false;
}

/** A copy of a parsed value in which every value of one kind is replaced; `path` says where it stands. */
export function replaceKind(
  schema: Schema,
  value: unknown,
  kind: Kind,
  replace: (value: unknown, path: readonly PropertyKey[]) => unknown,
  path: readonly PropertyKey[] = [],
): unknown {
  if (value === undefined) return value;
  if (isKind(schema, kind)) return replace(value, path);
  const here = unwrap(schema);
  if (here instanceof z.ZodObject && typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => [key, below(here, key).reduce<unknown>((result, schema) => replaceKind(schema, result, kind, replace, [...path, key]), child)]),
    );
  }
  if (here instanceof z.ZodArray && Array.isArray(value)) return value.map((child, index) => replaceKind(here.element, child, kind, replace, [...path, index]));
  if (here instanceof z.ZodUnion) {
    const option = here.options.find((candidate) => z.safeParse(candidate, value).success);
    return option === undefined ? value : replaceKind(option, value, kind, replace, path);
  }
  return value;
}

/** `storage.volumes[1].mount` */
export function keyText(path: readonly PropertyKey[]): string {
  return path.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index > 0 ? '.' : ''}${String(key)}`)).join('');
}
