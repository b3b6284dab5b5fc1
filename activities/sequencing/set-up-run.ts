/** Makes the directories of a new run: raw copy, products, and the links between them. */
import { chown, mkdir, readdir, readlink, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OperationError } from '../../domain/errors.ts';
import { withFileErrors } from '../platform/files/file-error.ts';
import { renamed } from '../platform/files/in-place.ts';
import { withTemporary } from '../platform/files/temporary.ts';
import { checkMounted } from './mounted.ts';
import { replaceLink } from './project-run.ts';

/**
 * Makes `run` with its `pipeline/` (whose group becomes that of the products), `output`, and the links both ways (`pipeline/output`, `rundata`).
 * May be done again for the same run.
 *
 * Throws `ContractError` when `output` holds something of somebody else, in which nothing is written then; `DependencyDown` when a root is not there,
 * `PermissionDenied`, `StorageFull`.
 * @param places absolute; `runsRoot` is that of raw copies.
 */
export async function makeRunDirectories({ runsRoot, run, output }: { runsRoot: string; run: string; output: string }): Promise<void> {
  await checkMounted(runsRoot);
  await checkMounted(dirname(output));
  await withFileErrors('make the directory', run, () => mkdir(run, { recursive: true }));
  await claimOutput(run, output);
  const pipeline = join(run, 'pipeline');
  await withFileErrors('make the directory', pipeline, () => mkdir(pipeline, { recursive: true }));
  const { gid } = await withFileErrors('look at', output, () => stat(output));
  await chown(pipeline, -1, gid).catch(() => undefined); // only for members of the group
  await replaceLink(join(pipeline, 'output'), output);
}

/** The directory of products appears with its link back, so that it is never without an owner. */
async function claimOutput(run: string, output: string): Promise<void> {
  const claimed = await withFileErrors('make the directory', output, () =>
    withTemporary(output, async (temporary) => {
      await mkdir(temporary);
      await symlink(run, join(temporary, 'rundata'));
      // Takes the place of nothing, or of an empty directory.
      return renamed(temporary, output);
    }),
  );
  if (claimed) return;
  const owner = await readlink(join(output, 'rundata')).catch(() => null);
  if (owner === run) return;
  const inside = await readdir(output).catch(() => []);
  throw new OperationError('ContractError', `The output directory ${output} is there already and belongs to ${owner ?? 'nobody'} (${inside.length} entries): move it away, or correct its link rundata.`, { place: { file: output } });
}
