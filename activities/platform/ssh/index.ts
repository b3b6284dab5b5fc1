import { run, type RunOptions, type RunResult } from '../processes/run.ts';
import { sshFailure } from './failure.ts';
import { destination, shellWords, sshCommand, type SshTarget } from './target.ts';

export { lastLine, sshFailure } from './failure.ts';
export { destination, shellWords, sshCommand, targetName, type SshTarget } from './target.ts';

/**
 * Runs a command on another machine, as words that its shell does not interpret, without standard input or terminal, and waits for its end. Where the
 * account's key has a forced command, that one runs and `words` are only what it is told in `SSH_ORIGINAL_COMMAND`. The result is that of `run`;
 * a command ended by a signal reads as 128 + n, its shell's habit. When this side is stopped the connection is closed at once; what runs over
 * there notices when it next reads or writes (`untilDisconnected` sees to it).
 *
 * Throws `IntegrityMismatch` (another host key; the message has both fingerprints), `ConfigError` (no known host key, unusable name),
 * `PermissionDenied`, `DependencyDown` (no connection), `TransportError` (it broke), and what `run` throws.
 */
export async function runOverSsh(target: SshTarget, words: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program, ...args] = sshCommand(target);
  const result = await run(program!, [...args, '--', destination(target), shellWords(words)], options);
  if (result.code === 255) throw await sshFailure(target, result.stderr);
  return result;
}

/**
 * The words of a command that ends with its connection, for long ones that hardly read or write: an empty line each two seconds
 * shows whether anybody still listens, and when nobody does, the command is ended, politely and then not. Reader: skip empty lines.
 */
export function untilDisconnected(words: readonly string[]): string[] {
  return ['sh', '-c', guard, 'longshore', ...words];
}

/** What sleeps must not hold the connection open when the command has ended, hence its redirections. */
const guard = `
trap '' PIPE
"$@" & child=$!
(
  while sleep 2 >/dev/null 2>&1; do
    echo 2>/dev/null && continue
    kill "$child"
    sleep 2
    kill -9 "$child"
    exit
  done
) 2>/dev/null & guard=$!
wait "$child"; code=$?
kill "$guard" 2>/dev/null
exit "$code"
`;
