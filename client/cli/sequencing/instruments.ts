/** `longshore sequencing queue`, `poll`, `hold`, `release`: the instruments. */
import type { Command } from 'commander';
import { type FailingMessage, needsPerson } from '../../../activities/sequencing/outbox.ts';
import type { InstrumentConfig } from '../../../config/schema.ts';
import { counted } from '../../../domain/counted.ts';
import { OperationError } from '../../../domain/errors.ts';
import { formatDuration } from '../../../domain/duration.ts';
import { copyHeartbeat, type CopyHealth, type Heartbeat } from '../../../domain/sequencing/heartbeat.ts';
import type { InstrumentStatus } from '../../../workflows/sequencing/contract.ts';
import { confirm } from '../confirm.ts';
import { type CommandContext, withContext } from '../context.ts';
import { askDatabase } from '../database.ts';
import { endWith, exitOf } from '../exit-codes.ts';
import { problemOf } from '../failures.ts';
import { note, paint, print, printJson, safeText, shorten, type Style, table, terminalWidth } from '../output.ts';
import { messageText, type Messages } from './messages.ts';
import { type ActionOptions, byOf, withActionOptions } from './person.ts';
import { clock } from './text.ts';

export function registerInstruments(sequencing: Command): void {
  sequencing
    .command('queue [instrument]')
    .description('instruments: what is copied, what waits, troubles')
    .action((label: string | undefined, _options: unknown, command: Command) => withContext(command, (context) => queue(context, label)));

  sequencing
    .command('poll <instrument>')
    .description('list an instrument now')
    .action((label: string, _options: unknown, command: Command) =>
      withContext(command, async (context) => {
        const { sequencing: asked } = await context.connect();
        const result = await asked.instrument(configuredInstrument(context, label).label).poll();
        const { poll } = result;
        if ('problem' in poll) endWith(exitOf(poll.problem.type));
        if (context.json) return printJson(result);
        if ('problem' in poll) return note(safeText(poll.problem.message));
        const { runs, cells, notes, clockAheadSeconds } = poll.listing;
        print(`${label} answers: ${counted(runs, 'run')}, ${counted(cells, 'cell')}.`);
        // Clocks are compared in whole seconds.
        if (Math.abs(clockAheadSeconds) > 1) note(`Its clock is ${formatDuration(Math.abs(clockAheadSeconds))} ${clockAheadSeconds > 0 ? 'ahead of' : 'behind'} ours.`);
        for (const each of notes) note(safeText(each));
      }),
    );

  for (const [name, description, imperative] of [
    ['hold', 'copy nothing from it until it is released', 'Hold'],
    ['release', 'copy from it again', 'Release'],
  ] as const) {
    withActionOptions(sequencing.command(`${name} <instrument>`))
      .description(description)
      .action((label: string, options: ActionOptions, command: Command) =>
        withContext(command, async (context) => {
          configuredInstrument(context, label);
          await confirm(context, `${imperative} ${label}.`, options);
          const status = await (await context.connect()).sequencing.instrument(label)[name](byOf(options));
          if (context.json) printJson(status);
          else print(renderInstrument(status, context.config.site.timeZone, terminalWidth()));
        }),
      );
  }
}

/** An instrument of the configuration. Throws `NotFound`. */
export function configuredInstrument({ config }: Pick<CommandContext, 'config'>, label: string): InstrumentConfig {
  const { instruments } = config.sequencing;
  const found = instruments.find((each) => each.label === label);
  if (found !== undefined) return found;
  const labels = instruments.map((each) => each.label);
  throw new OperationError('NotFound', `The configuration has no instrument "${safeText(label)}"; it has ${labels.length === 0 ? 'none' : labels.join(', ')}.`);
}

async function queue(context: CommandContext, only: string | undefined): Promise<void> {
  const labels = only === undefined ? context.config.sequencing.instruments.map(({ label }) => label) : [configuredInstrument(context, only).label];
  const { sequencing } = await context.connect();
  const statuses: (InstrumentStatus | Never)[] = await Promise.all(
    labels.map((label) =>
      sequencing.instrument(label).status().catch((error: unknown) => {
        if (problemOf(error).type !== 'NotFound') throw error;
        return { label, state: 'never polled' as const };
      }),
    ),
  );
  const { instruments: found, messages } = await withRecords(context, statuses);
  if (context.json) return printJson({ instruments: found, messages });
  if (found.length === 0) return note('The configuration has no instruments: sequencing.instruments.');
  for (const each of found) print(each.state === 'never polled' ? `${paint('strong', each.label)}  ${paint('warning', each.state)}: longshore sequencing poll ${each.label}` : renderInstrument(each, context.config.site.timeZone, terminalWidth(), each.copying));
  if (messages.waiting > 0) print(renderMessages(messages, context.config.site.timeZone, terminalWidth()));
}

/** What waits to be told, in `width` columns. */
export function renderMessages({ waiting, failing }: Messages, timeZone: string, width: number): string {
  const mark = (message: FailingMessage): string => (needsPerson(message) ? paint('bad', '✗') : paint('warning', '!'));
  return [`${paint('strong', 'Messages')}  ${waiting} to be sent`, ...failing.map((each) => `  ${mark(each)} ${shorten(safeText(messageText(each, clock(timeZone))), width - 4)}`)].join('\n');
}

/** How copying from an instrument goes, in a word and in full. */
export interface Copying extends CopyHealth {
  heartbeat: Heartbeat;
}

type Never = { label: string; state: 'never polled' };

/** Instruments with how copying from them goes, and the messages that wait, by what is recorded. */
async function withRecords({ config }: CommandContext, statuses: readonly (InstrumentStatus | Never)[]): Promise<{ instruments: ((InstrumentStatus & { copying: Copying }) | Never)[]; messages: Messages }> {
  const [{ copyHealth }, { outboxState }] = await Promise.all([import('../../../activities/sequencing/copy-health.ts'), import('../../../activities/sequencing/outbox.ts')]);
  const ageOf = (instant: string): number => (Date.now() - Date.parse(instant)) / 1000;
  return askDatabase(config, 'sequencing', async (database) => ({
    instruments: await Promise.all(
      statuses.map(async (status) => {
        if (status.state === 'never polled') return status;
        const health = await copyHealth(database, status.label);
        return { ...status, copying: { heartbeat: copyHeartbeat(health, { listedAt: status.listedAt, ageOf }), ...health } };
      }),
    ),
    messages: await outboxState(database),
  }));
}

const heartbeatStyles: Readonly<Record<Heartbeat, Style>> = { ok: 'good', worried: 'warning', dead: 'bad' };

const stateTexts: Readonly<Record<InstrumentStatus['state'], { text: string; style: Style }>> = {
  listed: { text: 'answers', style: 'good' },
  unreachable: { text: 'does not answer as it should', style: 'bad' },
  held: { text: 'held: nothing is copied', style: 'warning' },
  quiet: { text: 'quiet hours: no copy is begun', style: 'quiet' },
  unknown: { text: 'not listed yet', style: 'warning' },
};

/** An instrument and its queue in `width` columns. */
export function renderInstrument(status: InstrumentStatus, timeZone: string, width: number, copying: Copying | null = null): string {
  const { label, state, listedAt, runs, cells, hold, troubles, turn, queue } = status;
  const at = clock(timeZone);
  const line = (mark: string, text: string): string => `  ${mark} ${shorten(safeText(text), width - 4)}`;
  const { text, style } = stateTexts[state];
  return [
    `${paint('strong', safeText(label))}  ${paint(style, text)}  ${paint('quiet', shorten(`${counted(runs, 'run')}, ${counted(cells, 'cell')}${listedAt === null ? '' : `, listed ${at(listedAt)}`}`, Math.max(0, width - label.length - text.length - 4)))}`,
    ...(copying === null ? [] : [line(paint(heartbeatStyles[copying.heartbeat], '♥'), `Copying: ${copying.heartbeat}; last good copy ${copying.copiedAt === null ? 'none yet' : at(copying.copiedAt)}${copying.failing === 0 ? '' : `; ${counted(copying.failing, 'cell')} cannot be copied`}`)]),
    ...(hold === null ? [] : [line(paint('warning', '!'), `Held by ${hold.actor} since ${at(hold.since)}: ${hold.reason}`)]),
    ...troubles.map(({ since, message }) => line(paint('bad', '✗'), `Since ${at(since)}: ${message}`)),
    turn === null ? line(paint('quiet', '·'), 'Nothing is being copied.') : line(paint('strong', '▸'), `${turn.experiment} is copied since ${at(turn.since)}`),
    ...(queue.length === 0
      ? []
      : table(
          [{ title: '  Place', align: 'right' }, { title: 'Run', shrink: 'middle' }, { title: 'From' }, { title: 'Last copied' }, { title: 'In vain', align: 'right' }],
          queue.map((run) => [String(run.place), run.experiment, at(run.due), run.lastCopied === null ? 'never' : at(run.lastCopied * 1000), run.idleCopies === 0 ? '' : String(run.idleCopies)]),
          width,
        ).split('\n')),
  ].join('\n');
}
