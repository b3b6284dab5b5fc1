/** Paths as people know them: metadata-server directories such as `…/mdt2/projects` are shown as the links that lead there. */
import { OperationError } from '../errors.ts';

export interface PathAlias {
  /** Regular expression; matched at the start of a path, up to the end of a component. */
  pattern: string;
  replacement: string;
}

/**
 * Compiles aliases to one function. The first that matches wins; what it matched is replaced, the rest of the path stays
 * as it is, even where the pattern occurs again. Throws `ConfigError` for a pattern that is not a regular expression.
 */
export function compileAliases(aliases: readonly PathAlias[]): (path: string) => string {
  const compiled = aliases.map(({ pattern, replacement }) => {
    try {
      return { expression: new RegExp(`^(?:${pattern})(?=/|$)`, 'u'), replacement };
    } catch (cause) {
      throw new OperationError('ConfigError', `storage.pathAliases: “${pattern}” is not a regular expression.`, { cause });
    }
  });
  return (path) => {
    for (const { expression, replacement } of compiled) {
      const match = expression.exec(path);
      if (match !== null) return replacement + path.slice(match[0].length);
    }
    return path;
  };
}
