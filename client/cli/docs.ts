/**
 * The parts of docs/command-line.md that follow from the program: the list of commands and the table of exit codes.
 * `node client/cli/docs.ts` writes them; a test fails when they are out of date.
 */
import type { Command } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { rewritePage, withParts } from './generated-parts.ts';
import { buildProgram } from './main.ts';

/** The page with its generated parts renewed. */
export function commandLinePage(present: string): string {
  return withParts(present, 'client/cli/docs.ts', { commands: commandList(buildProgram()), 'exit-codes': exitCodeTable() });
}

function exitCodeTable(): string {
  return ['| code | meaning |', '|---|---|', ...Object.values(exitCodes).map(({ code, meaning }) => `| ${code} | ${meaning} |`)].join('\n');
}

function commandList(program: Command): string {
  const help = program.createHelp();
  return program.commands
    .map((group) => {
      const commands = leaves(group);
      const lines = commands.flatMap((command) => [
        `| \`${[...namesOf(command), ...command.registeredArguments.map((argument) => help.argumentTerm(argument)).map((term, index) => (command.registeredArguments[index]!.required ? `<${term}>` : `[${term}]`))].join(' ')}\` | ${cell(command.description())} |`,
        ...command.options.map((option) => `| &emsp;\`${option.flags}\` | ${cell(help.optionDescription(option))} |`),
      ]);
      const about = commands.includes(group) ? [] : [group.description(), ''];
      return [`### ${group.name()}`, '', ...about, '| command | |', '|---|---|', ...lines].join('\n');
    })
    .join('\n\n');
}

/** The commands that do something: not those that only hold others. */
function leaves(command: Command): Command[] {
  const below = command.commands.flatMap(leaves);
  return below.length === 0 || command.options.length > 0 ? [command, ...below] : below;
}

function namesOf(command: Command): string[] {
  return command.parent === null ? [command.name()] : [...namesOf(command.parent), command.name()];
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}

if (import.meta.main) await rewritePage('command-line.md', commandLinePage);
