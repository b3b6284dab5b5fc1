/** What the local stack needs to know of environments and ports. */
import { connect } from 'node:net';

/** A whole environment in the form in which `run` adds variables. */
export function definedVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** Does anybody take connections at host:port? */
export async function listens(address: string): Promise<boolean> {
  const separator = address.lastIndexOf(':');
  const socket = connect({ host: address.slice(0, separator), port: Number(address.slice(separator + 1)), timeout: 2_000 });
  return await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    for (const event of ['error', 'timeout'] as const) socket.once(event, () => resolve(false));
  }).finally(() => socket.destroy());
}
