import { systemErrorCode } from '../files/file-error.ts';

/** Is there a process of this id on this machine, ours or somebody's? */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}
