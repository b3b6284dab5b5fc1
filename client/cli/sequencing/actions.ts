/**
 * What a person does to a run or a cell. The rules are the domain's (`domain/sequencing/operator-actions.ts`), and so are the
 * sentences by which an action is refused.
 */
import type { Command } from 'commander';
import { OperationError } from '../../../domain/errors.ts';
import type { Cell } from '../../../domain/sequencing/cell-state.ts';
import { type ExperimentType, experimentTypes } from '../../../domain/sequencing/experiment-type.ts';
import { cellKey } from '../../../domain/sequencing/names.ts';
import { type CellAction, judgeCellAction, type RunAction } from '../../../domain/sequencing/operator-actions.ts';
import type { RunView } from '../../../workflows/sequencing/contract.ts';
import { confirm } from '../confirm.ts';
import { type CommandContext, withContext } from '../context.ts';
import { endWith } from '../exit-codes.ts';
import { problemOf } from '../failures.ts';
import { note, paint, print, printJson, safeText } from '../output.ts';
import { type ActionOptions, byOf, withActionOptions } from './person.ts';

interface Verb {
  /** As a command begins: `Abort`. */
  imperative: string;
  description: string;
  cell: CellAction;
  /** What it does to a whole run; absent: the same to every cell that is in a state for it. */
  run?: 'abort' | 'restore';
  /** Why nothing is done to a whole run. */
  none?: string;
}

const verbs: Readonly<Record<string, Verb>> = {
  abort: { imperative: 'Abort', description: 'leave a run or a cell alone', cell: 'abort', run: 'abort' },
  restore: { imperative: 'Restore', description: 'take an abort back', cell: 'restore', run: 'restore' },
  retry: { imperative: 'Try again', description: 'copy at once, or process again what failed', cell: 'retry', none: 'No cell of the run is to be copied or has failed.' },
  force: { imperative: 'Take as complete', description: 'take what lies here as complete', cell: 'force-complete', none: 'No cell of the run lies here incomplete.' },
  reprocess: { imperative: 'Process once more', description: 'process what is done once more', cell: 'reprocess', none: 'No cell of the run is processed and still here.' },
};

/** What came of an action on one of several cells. */
interface CellOutcome {
  key: string;
  /** Why it was not done; null when it was. */
  refused: string | null;
}

export function registerActions(sequencing: Command): void {
  for (const [name, verb] of Object.entries(verbs)) {
    withActionOptions(sequencing.command(`${name} <run> [cell]`))
      .description(verb.description)
      .addHelpText('after', verb.run === undefined ? '\nWithout a cell: all cells of the run that are in a state for it.' : '\nWithout a cell: the whole run, cells that are still to come included.')
      .action((experiment: string, cell: string | undefined, options: ActionOptions, command: Command) =>
        withContext(command, async (context) => {
          if (cell !== undefined) return onCell(context, verb, { experiment, key: cellKey(cell) }, options);
          if (verb.run !== undefined) return onRun(context, { experiment, request: { action: verb.run }, sentence: `${verb.imperative} the run ${experiment}.` }, options);
          return onCells(context, verb, experiment, options);
        }),
      );
  }

  withActionOptions(sequencing.command('set-type <run> <type>'))
    .description('say what type a run is of')
    .option('--account <name>', 'the visitor’s account')
    .addHelpText('after', `\nTypes: ${experimentTypes.join(', ')}.`)
    .action((experiment: string, type: string, options: ActionOptions & { account?: string }, command: Command) =>
      withContext(command, (context) => onRun(context, { experiment, request: { action: 'set-type', type: typeOf(type, options.account) }, sentence: `Set the type of the run ${experiment} to ${type}.` }, options)),
    );

  withActionOptions(sequencing.command('clear-failure <run>'))
    .description('let a failed run go on')
    .action((experiment: string, options: ActionOptions, command: Command) =>
      withContext(command, (context) => onRun(context, { experiment, request: { action: 'clear-failure' }, sentence: `Clear the failure of the run ${experiment}.` }, options)),
    );
}

function typeOf(text: string, account: string | undefined): ExperimentType {
  const type = experimentTypes.find((each) => each === text);
  if (type === undefined) throw new OperationError('ContractError', `The type is "${text}": expected ${experimentTypes.join(', ')}.`);
  if (account === undefined) return { type };
  if (type !== 'visitor') throw new OperationError('ContractError', `--account belongs to visitors: a run of type ${type} has none.`);
  if (!/^[a-z0-9]+$/u.test(account)) throw new OperationError('ContractError', `--account is "${account}": expected small letters and digits.`);
  return { type, uun: account };
}

async function onRun(context: CommandContext, { experiment, request, sentence }: { experiment: string; request: RunAction; sentence: string }, options: ActionOptions): Promise<void> {
  await known(context, experiment);
  await confirm(context, sentence, options);
  const view = await (await context.connect()).sequencing.run(experiment).act(request, byOf(options));
  tell(context, view);
}

async function onCell(context: CommandContext, { imperative, cell: action }: Verb, { experiment, key }: { experiment: string; key: string }, options: ActionOptions): Promise<void> {
  await known(context, experiment);
  await confirm(context, `${imperative} the cell ${key} of ${experiment}.`, options);
  const view = await (await context.connect()).sequencing.run(experiment).cell(key, action, byOf(options));
  tell(context, view, key);
}

/** The same to every cell for which it is possible, as far as is recorded; the run itself decides. */
async function onCells(context: CommandContext, { imperative, cell: action, none = '' }: Verb, experiment: string, options: ActionOptions): Promise<void> {
  const keys = candidates(action, (await known(context, experiment)).cells);
  if (keys.length === 0) throw new OperationError('ContractError', none);
  await confirm(context, `${imperative} ${keys.length === 1 ? `the cell ${keys[0]}` : `the ${keys.length} cells ${keys.join(', ')}`} of ${experiment}.`, options);
  const run = (await context.connect()).sequencing.run(experiment);
  const outcomes: CellOutcome[] = [];
  let view: RunView | null = null;
  for (const key of keys) {
    try {
      view = await run.cell(key, action, byOf(options));
      outcomes.push({ key, refused: null });
    } catch (error) {
      const { type, message } = problemOf(error);
      if (type !== 'ContractError') throw error;
      outcomes.push({ key, refused: message });
    }
  }
  if (outcomes.some(({ refused }) => refused !== null)) endWith('incomplete');
  if (context.json) return printJson({ run: view, cells: outcomes });
  for (const { key, refused } of outcomes) print(`${safeText(key)}: ${refused === null ? paint('good', 'done') : paint('warning', safeText(refused))}`);
  if (view !== null) note(standing(view));
}

/** Keys of the cells for which an action is possible. */
export function candidates(action: CellAction, cells: readonly Cell[]): string[] {
  return cells.filter((cell) => judgeCellAction(action, cell).allowed).map(({ key }) => key);
}

/** A typing error must not start a workflow that then knows of no such run. */
async function known(context: CommandContext, experiment: string) {
  const { recordOf } = await import('./run.ts');
  return recordOf(context, experiment);
}

function tell(context: CommandContext, view: RunView, key?: string): void {
  if (context.json) return printJson(view);
  const cell = view.cells.find((each) => each.key === key);
  print(cell === undefined ? standing(view) : `${safeText(cell.key)} (${cell.state}) ${safeText(cell.words)}.`);
}

const standing = ({ experiment, status, words }: RunView): string => `${safeText(experiment)} (${status}) ${safeText(words)}.`;
