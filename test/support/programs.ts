import { spawnSync } from 'node:child_process';

/** True when a program can be started: `args` must make it print something harmless, such as its version. */
export function hasProgram(name: string, ...args: string[]): boolean {
  return spawnSync(name, args, { stdio: 'ignore' }).status === 0;
}
