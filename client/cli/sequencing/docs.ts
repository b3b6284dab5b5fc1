/**
 * The parts of docs/sequencing.md that follow from the rules: what states mean, and when actions are possible.
 * `node client/cli/sequencing/docs.ts` writes them; a test fails when they are out of date.
 */
import { cellStateCodes, cellStateMeanings, cellStates } from '../../../domain/sequencing/cell-state.ts';
import { cellActions, cellEffects, judgeCellAction, runRules } from '../../../domain/sequencing/operator-actions.ts';
import { runStatuses, statusMeanings } from '../../../domain/sequencing/run-status.ts';
import { rewritePage, withParts } from '../generated-parts.ts';

/** The page with its generated parts renewed. */
export function sequencingPage(present: string): string {
  return withParts(present, 'client/cli/sequencing/docs.ts', { 'cell-states': cellStateTable(), 'run-states': runStateTable(), 'cell-actions': cellActionTable(), 'run-actions': runActionTable() });
}

const row = (...cells: string[]): string => `| ${cells.map((text) => text.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
const tableOf = (titles: string[], rows: string[]): string => [row(...titles), `|${'---|'.repeat(titles.length)}`, ...rows].join('\n');
const code = (text: string): string => `\`${text}\``;

const cellStateTable = (): string => tableOf(['state', 'number', 'the cell is'], cellStates.map((state) => row(code(state), String(cellStateCodes[state]), cellStateMeanings[state])));

const runStateTable = (): string => tableOf(['state', 'meaning'], runStatuses.map((status) => row(code(status), statusMeanings[status])));

/** The verb of the command, where it is another word. */
const verbs: Readonly<Record<string, string>> = { 'force-complete': 'force' };

function cellActionTable(): string {
  return tableOf(
    ['`longshore sequencing …`', 'is done to a cell that is', 'else refused with'],
    cellActions.map((action) => {
      const effects = cellEffects[action];
      const possible = cellStates.filter((state) => typeof effects[state] !== 'string');
      const withoutData = possible.every((state) => judgeCellAction(action, { key: '', state, present: false }).allowed);
      return row(code(`${verbs[action] ?? action} RUN CELL`), `${possible.map(code).join(', ')}${withoutData ? '' : ', with its raw data here'}`, refusals(cellStates, (state) => effects[state]));
    }),
  );
}

function runActionTable(): string {
  return tableOf(
    ['`longshore sequencing …`', 'is done to a run that is', 'else refused with'],
    Object.entries(runRules).map(([action, { only, refused }]) => {
      const reasons = runStatuses.filter((status) => refused[status] !== undefined);
      const possible = only === null ? (reasons.length === 0 ? 'anything' : `anything but ${reasons.map(code).join(', ')}`) : only.statuses.map(code).join(', ');
      const others = only === null ? '' : `otherwise: ${only.else}`;
      return row(code(`${action} RUN${action === 'set-type' ? ' TYPE' : ''}`), possible, [refusals(runStatuses, (status) => refused[status]), others].filter((text) => text !== '').join('<br>'));
    }),
  );
}

/** Each sentence with the states in which it is said. */
function refusals<State extends string>(states: readonly State[], why: (state: State) => unknown): string {
  const said = new Map<string, State[]>();
  for (const state of states) {
    const sentence = why(state);
    if (typeof sentence === 'string') said.set(sentence, [...(said.get(sentence) ?? []), state]);
  }
  return [...said].map(([sentence, where]) => `${where.map(code).join(', ')}: ${sentence}`).join('<br>');
}

if (import.meta.main) await rewritePage('sequencing.md', sequencingPage);
