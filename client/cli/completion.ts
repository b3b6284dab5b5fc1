/** Completion scripts for shells, generated from the command tree: a new command or option completes without a word here. */
import { Argument, type Command, type Option } from 'commander';
import { print } from './output.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

interface Word {
  word: string;
  description: string;
}

/** What may follow an option: nothing of its own, a file, any text, or one of some words. */
type Value = 'none' | 'file' | 'text' | readonly string[];

interface Node {
  /** The command's words without the program's: `storage report`; empty for the program. */
  path: string;
  /** Subcommands, and the values that its arguments may take. */
  words: Word[];
  /** It takes a file as an argument. */
  files: boolean;
  /** Long names, the program's included. */
  options: (Word & { value: Value })[];
}

export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'which one').choices(shells))
    .addHelpText('after', '\nbash: source <(longshore completion bash)\nzsh:  source <(longshore completion zsh)\nfish: longshore completion fish | source')
    .action((shell: Shell) => print(completionScript(program, shell).trimEnd()));
}

export function completionScript(program: Command, shell: Shell): string {
  const nodes = nodesOf(program, '');
  return { bash, zsh, fish }[shell](program.name(), nodes);
}

function nodesOf(command: Command, path: string): Node[] {
  const help = Object.assign(command.createHelp(), { showGlobalOptions: true });
  const children = help.visibleCommands(command);
  const node: Node = {
    path,
    words: [
      ...children.map((child) => ({ word: child.name(), description: child.description() })),
      ...command.registeredArguments.flatMap(({ argChoices = [], description }) => argChoices.map((word) => ({ word, description }))),
    ],
    files: command.registeredArguments.some((argument) => fileName.test(argument.name())),
    options: [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)].flatMap((option) =>
      option.long ? [{ word: option.long, description: option.description, value: valueOf(option) }] : [],
    ),
  };
  return [node, ...children.flatMap((child) => nodesOf(child, `${path} ${child.name()}`.trim()))];
}

/** Names of arguments and option values that are files. */
const fileName = /file|dir|path/i;

function valueOf(option: Option): Value {
  if (!option.required && !option.optional) return 'none';
  return option.argChoices ?? (fileName.test(/[<[](.*)[>\]]/.exec(option.flags)?.[1] ?? '') ? 'file' : 'text');
}

/** A word of a shell: in single quotes, whatever it holds. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

const commandPaths = (nodes: readonly Node[]): string[] => nodes.flatMap(({ path }) => (path === '' ? [] : [path]));

/** Cases of bash and zsh that set `follows` for `command option`: empty where the option takes no value. */
function valueCases(nodes: readonly Node[]): string {
  const groups = new Map<string, string[]>();
  for (const { path, options } of nodes) {
    for (const { word, value } of options) {
      if (value === 'none') continue;
      const follows = typeof value === 'string' ? value : value.join(' ');
      groups.set(follows, [...(groups.get(follows) ?? []), quote(`${path} ${word}`)]);
    }
  }
  return [...groups].map(([follows, patterns]) => `${patterns.join(' | ')}) follows=${quote(follows)} ;;`).join('\n    ');
}

/** The part that bash and zsh share: sets `at` to the command that the words lead to, and `follows` for the word before the cursor. */
function walk(name: string, nodes: readonly Node[], words: string): string {
  return `_${name}_follows() {
  case $1 in
    ${valueCases(nodes)}
    *) follows='' ;;
  esac
}
_${name}_walk() {
  local word
  at='' follows=''
  for word in ${words}; do
    if [[ -z $follows ]]; then
      case "\${at:+$at }$word" in
        ${commandPaths(nodes).map(quote).join(' | ')}) at="\${at:+$at }$word" ;;
      esac
      _${name}_follows "$at $word"
    else
      follows=''
    fi
  done
}`;
}

function bash(name: string, nodes: readonly Node[]): string {
  const list = (words: readonly Word[]): string => quote(words.map(({ word }) => word).join(' '));
  return `# Completion of ${name} for bash: source <(${name} completion bash)
${walk(name, nodes, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"')}
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} at follows words options
  _${name}_walk
  case $at in
    ${nodes.map(({ path, words, options }) => `${quote(path)}) words=${list(words)} options=${list(options)} ;;`).join('\n    ')}
  esac
  case $follows in
    file) compopt -o filenames 2> /dev/null; COMPREPLY=($(compgen -f -- "$current")); return ;;
    text) COMPREPLY=(); return ;;
    ?*) words=$follows ;;
    *) [[ $current == -* ]] && words=$options ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o bashdefault -F _${name} ${name}
`;
}

function zsh(name: string, nodes: readonly Node[]): string {
  // _describe splits a word from its description at the first colon that is not escaped.
  const list = (words: readonly Word[]): string => words.map(({ word, description }) => quote(`${word.replaceAll(':', String.raw`\:`)}:${description}`)).join(' ');
  return `#compdef ${name}
# Completion of ${name} for zsh: source <(${name} completion zsh)
${walk(name, nodes, '"${(@)words[2,CURRENT-1]}"')}
_${name}() {
  local at follows files
  local -a items options
  _${name}_walk
  case $at in
    ${nodes.map(({ path, words, files, options }) => `${quote(path)}) files=${files ? 'yes' : "''"} items=(${list(words)}) options=(${list(options)}) ;;`).join('\n    ')}
  esac
  case $follows in
    file) _files; return ;;
    text) return ;;
    ?*) items=(\${=follows}) ;;
    *) if [[ $PREFIX == -* ]]; then items=($options); elif [[ -n $files ]]; then _files; return; fi ;;
  esac
  _describe -o ${name} items
}
compdef _${name} ${name}
`;
}

function fish(name: string, nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, words, files, options }) => {
    const here = `complete -c ${name} -n ${quote(`__${name}_at ${quote(path)}`)}`;
    return [
      ...(files ? [`${here} -F`] : []),
      ...words.map(({ word, description }) => `${here} -a ${quote(word)} -d ${quote(description)}`),
      ...options.map(({ word, description, value }) => {
        const follows = value === 'none' ? '' : value === 'file' ? ' -r -F' : value === 'text' ? ' -x' : ` -x -a ${quote(value.join(' '))}`;
        return `${here} -l ${quote(word.slice(2))}${follows} -d ${quote(description)}`;
      }),
    ];
  });
  const taking = nodes.flatMap(({ path, options }) => options.flatMap(({ word, value }) => (value === 'none' ? [] : [quote(`${path} ${word}`)])));
  return `# Completion of ${name} for fish: ${name} completion fish | source
function __${name}_at
  set -l at ''
  set -l before ''
  for word in (commandline -opc)[2..-1]
    if not contains -- "$at $before" ${taking.join(' ')}
      set -l next (string trim -- "$at $word")
      if contains -- $next ${commandPaths(nodes).map(quote).join(' ')}
        set at $next
      end
    end
    set before $word
  end
  test "$at" = "$argv[1]"
end
complete -c ${name} -f
${lines.join('\n')}
`;
}
