/** The program that is measured: compiled, as it is deployed, or the sources as they are. */
import { access } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { run } from '../../activities/platform/processes/run.ts';
import { projectRoot } from '../../infra/local/layout.ts';

export interface Code {
  /** URL of a module, given as `activities/storage/index`. */
  url: (module: string) => string;
  /** Program and arguments before those of the `longshore` command. */
  longshore: readonly [string, ...string[]];
  /** The workflows, bundled; absent for sources. */
  workflowBundle?: string;
}

/** Path of one of the bench's own programs. */
export const scriptOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

export const sources: Code = codeIn(projectRoot, 'ts');

/** Compiles everything that ships. Throws with what the compiler said. */
export async function compile(say: (line: string) => void): Promise<Code> {
  say('compiling, as it is deployed …');
  const { code, stdout, stderr } = await run(process.execPath, [path.join(projectRoot, 'infra/local/build.ts')], { cwd: projectRoot });
  if (code !== 0) throw new Error(`It does not compile: ${stdout}${stderr}`.trim());
  const built = path.join(projectRoot, 'dist');
  return { ...codeIn(built, 'js'), workflowBundle: path.join(built, 'workflow-bundle.js') };
}

function codeIn(directory: string, extension: string): Code {
  return {
    url: (module) => pathToFileURL(path.join(directory, `${module}.${extension}`)).href,
    longshore: [process.execPath, path.join(directory, `client/cli/main.${extension}`)],
  };
}

/** Path of a program on PATH, or null. */
export async function installed(name: string): Promise<string | null> {
  for (const directory of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(directory, name);
    if (await access(file).then(() => true, () => false)) return file;
  }
  return null;
}
