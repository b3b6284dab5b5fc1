/** Runs work, at most `limit` at a time; the others wait in order. A wait ends with the signal, by its reason. */
export function slots(limit: number): <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T> {
  let free = limit;
  const waiting: (() => void)[] = [];
  const taken = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        waiting.splice(waiting.indexOf(enter), 1);
        reject(signal.reason);
      };
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      waiting.push(enter);
      signal.addEventListener('abort', leave, { once: true });
    });
  return async (work, signal) => {
    signal.throwIfAborted();
    if (free > 0) free--;
    else await taken(signal);
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
