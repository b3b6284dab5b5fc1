/** Where things of a checkout are kept that git ignores; the same from sources and from `dist/`. */
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';

/** The folder of package.json: of a checkout or of an installed package. */
export const projectRoot = dirname(findPackageJSON('..', import.meta.url)!);
/** Programs that were fetched. */
export const toolsDirectory = join(projectRoot, '.longshore', 'tools');
/** Data, log and `stack.json` of the local stack, and the demo's files. */
export const localDirectory = join(projectRoot, '.longshore', 'local');
/** For TEMPORAL_CONFIG_FILE, to use no profile: a file that is not there. (The SDK cannot read an empty one.) */
export const noTemporalProfile = join(localDirectory, 'no-profile.toml');
