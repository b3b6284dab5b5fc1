/** Parts of pages that follow from the program. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { projectRoot } from '../../infra/local/layout.ts';

/** The page with these parts renewed; each stands between two marks, of which the first names the program that writes it. */
export function withParts(present: string, writer: string, parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts).reduce((page, [part, text]) => {
    const [start, end] = [`<!-- ${part}, written by ${writer} -->`, `<!-- end of ${part} -->`];
    const [before = '', rest = ''] = page.split(start);
    const [, after = ''] = rest.split(end);
    return `${before}${start}\n\n${text}\n\n${end}${after}`;
  }, present);
}

/** Renews a page of `docs/`. */
export async function rewritePage(name: string, renewed: (present: string) => string): Promise<void> {
  const page = path.join(projectRoot, 'docs', name);
  await writeFile(page, renewed(await readFile(page, 'utf8')));
}
