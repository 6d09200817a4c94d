import { spawnSync } from 'node:child_process';

/** True if a program can be started; `args` must make it do something harmless, such as printing its version. */
export function hasProgram(name: string, ...args: string[]): boolean {
  return spawnSync(name, args, { stdio: 'ignore' }).status === 0;
}
