/**
 * The `longshore` command. Each group of commands registers itself from its own file; those files load what they need
 * only when a command runs, so that help and completion are quick.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { Command, CommanderError, Help } from 'commander';
import { projectRoot } from '../../infra/local/layout.ts';
import { registerCompletion } from './completion.ts';
import { registerConfig } from './config.ts';
import { registerDatabase } from './db.ts';
import { registerDoctor } from './doctor.ts';
import { endWith, exitCodes, exitOf } from './exit-codes.ts';
import { problemOf } from './failures.ts';
import { hasPrintedJson, note, paint, printJson, safeText, withoutColour } from './output.ts';
import { registerSchedules } from './schedules.ts';
import { registerSetup } from './setup.ts';
import { registerSequencing } from './sequencing/index.ts';
import { registerStorage } from './storage/index.ts';
import { registerWorker } from './worker.ts';

/** The whole command tree. */
export function buildProgram(): Command {
  const program = new Command('longshore')
    .description('Durable data operations for research computing, on Temporal.')
    .version(version(), '-V, --version', 'print the version')
    .option('--config <file>', 'configuration file (default: see docs/configuration.md)')
    .option('--json', 'print one JSON document instead of text')
    .option('--no-color', 'print without colours')
    .helpOption('-h, --help', 'print help')
    .exitOverride()
    .showHelpAfterError('Add --help to see what is possible.')
    .on('option:no-color', withoutColour);
  program.addHelpText('afterAll', ({ command }) => (command === program ? '' : `${command.commands.length > 0 ? '' : '\n'}Always possible: --config <file>, --json, --no-color`));

  // Of a group of commands its commands are what people look for; -h is known to all.
  program.configureHelp({ visibleOptions: (command) => (command.parent !== null && command.commands.length > 0 ? [] : new Help().visibleOptions(command)) });

  registerStorage(program);
  registerSequencing(program);
  registerSetup(program);
  registerDatabase(program);
  registerWorker(program);
  registerSchedules(program);
  registerConfig(program);
  registerDoctor(program);
  registerCompletion(program);
  // `--help` is enough.
  for (const command of [program, ...program.commands]) command.helpCommand(false);
  return program;
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';
}

/** Runs a command line (without the program's name). Notes the exit code in `process.exitCode`. */
export async function run(words: readonly string[]): Promise<void> {
  try {
    await buildProgram().parseAsync(words, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) usageEnd(error, words);
    else failureEnd(error, words);
  }
}

/** Commander has said on standard error what is wrong with the words, or has printed help. */
function usageEnd(error: CommanderError, words: readonly string[]): void {
  if (error.exitCode === exitCodes.done.code) return;
  if (words.includes('--json')) printJson({ error: { type: 'Usage', message: error.message.replace(/^error: /, '') } });
  endWith('usage');
}

function failureEnd(error: unknown, words: readonly string[]): void {
  const problem = problemOf(error);
  const debug = process.env['LONGSHORE_DEBUG'] === '1';
  for (const line of problem.message.split('\n')) note(problem.type === 'Unexpected' ? `${paint('bad', 'Unexpected:', process.stderr)} ${safeText(line)}` : safeText(line));
  if (debug) note(inspect(error));
  else if (problem.type === 'Unexpected') note('This is a fault of Longshore. LONGSHORE_DEBUG=1 shows where it happened.');
  // A command that had printed its document keeps to one.
  if (words.includes('--json') && !hasPrintedJson()) printJson({ error: problem });
  endWith(exitOf(problem.type));
}

if (import.meta.main) {
  // A reader that has seen enough (`| head`) is no fault.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'EPIPE') process.exit();
      throw error;
    });
  }
  await run(process.argv.slice(2));
  // Everything is written before the end; connections that hang must not hold it up.
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))));
  process.exit();
}
