/** How copying from an instrument goes, by what is recorded: for the file that the lab looks at, and for whoever asks for the queue. */
import type { CopyHealth } from '../../domain/sequencing/heartbeat.ts';
import type { CellState } from '../../domain/sequencing/cell-state.ts';
import type { RunEvent } from '../../domain/sequencing/run-events.ts';
import type { Database } from '../platform/database/index.ts';

const uncopied: readonly CellState[] = ['NEW', 'PENDING', 'INCOMPLETE'];

/** @param instrument its label. */
export async function copyHealth(db: Database, instrument: string): Promise<CopyHealth> {
  const events = () => db.knex('event').where({ instrument });
  const wentWell: { at: string } | undefined = await events()
    .where((well) => void well.where({ kind: 'copied' }).orWhere((turn) => void turn.where({ kind: 'sync-ended', details: JSON.stringify({ failed: [] }) })))
    .orderBy('happened_at', 'desc')
    .first({ at: 'happened_at' });
  const [failed]: { at: string | null }[] = await events().where({ kind: 'copy-failed' }).where('happened_at', '>', wentWell?.at ?? '').min({ at: 'happened_at' });
  const hold: { kind: string; at: string } | undefined = await events().whereNull('experiment').whereIn('kind', ['hold', 'release']).orderBy('happened_at', 'desc').orderBy('event_id', 'desc').first('kind', { at: 'happened_at' });
  return {
    copiedAt: wentWell?.at ?? null,
    failing: await failingCells(db, instrument),
    failsSince: failed?.at ?? null,
    heldSince: hold?.kind === 'hold' ? hold.at : null,
  };
}

/** Cells that are not complete here and that the last turn of their run could not copy. */
async function failingCells(db: Database, instrument: string): Promise<number> {
  const cells: { experiment: string; key: string }[] = await db
    .knex('cell as c')
    .join('run as r', 'r.run_id', 'c.run_id')
    .where('r.instrument', instrument)
    .whereIn('c.state', [...uncopied])
    .select('r.experiment', { key: 'c.cell_key' });
  const experiments = [...new Set(cells.map(({ experiment }) => experiment))];
  const last = db.knex('event').whereIn('experiment', experiments).where({ kind: 'sync-ended' }).groupBy('experiment').max('event_id');
  const turns: { experiment: string; details: string }[] = experiments.length === 0 ? [] : await db.knex('event').whereIn('event_id', last).select('experiment', 'details');
  const failed = new Map(
    turns.map(({ experiment, details }) => {
      const ended: Pick<RunEvent<'sync-ended'>, 'failed'> = JSON.parse(details);
      return [experiment, new Set(ended.failed)];
    }),
  );
  return cells.filter(({ experiment, key }) => failed.get(experiment)?.has(key) ?? false).length;
}
