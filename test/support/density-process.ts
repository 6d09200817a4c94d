// The service as users start it: a separate process, `density run` or `density demo`.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { QUICK } from './local-service.ts';

const ENTRY = fileURLToPath(new URL('../../bin/density.js', import.meta.url));
const READY_WITHIN_MS = 180_000;
const END_WITHIN_MS = 30_000;

export interface DensityProcess {
  readonly child: ChildProcess;
  /** Types a line into its stdin. */
  type(line: string): void;
  /** Its output so far, stdout and stderr together. */
  output(): string;
  /** Resolves with the match once a line of the output matches. @throws when the process ends first */
  waitForOutput(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>;
  /** Sends a signal and waits for the end. @returns the exit code, null when a signal ended it */
  end(signal: NodeJS.Signals): Promise<number | null>;
  ended(): Promise<number | null>;
  /**
   * Ends it after a test, in order if it can, because a killed process leaves no coverage. @returns the exit code
   */
  dispose(): Promise<number | null>;
}

/** @param entry the program to run; by default that of the sources */
export function startDensity(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  entry = ENTRY,
): DensityProcess {
  const child = spawn(process.execPath, [entry, ...args], {
    env: { ...process.env, ...QUICK, LOG_LEVEL: 'warn', ...environment },
    stdio: 'pipe',
  });
  let text = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      for (const listener of listeners) listener();
    });
  }
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  const waitForOutput = async (pattern: RegExp, withinMs = READY_WITHIN_MS): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        listeners.delete(look);
        act();
      };
      const look = (): void => {
        const match = pattern.exec(text);
        if (match) finish(() => resolve(match));
      };
      const timer = setTimeout(() => finish(() => reject(new Error(`never printed ${pattern}:\n${text}`))), withinMs);
      listeners.add(look);
      void exit.then((code) =>
        finish(() => reject(new Error(`ended with ${code} before it printed ${pattern}:\n${text}`))),
      );
      look();
    });
  return {
    child,
    type: (line) => void child.stdin.write(`${line}\n`),
    waitForOutput,
    output: () => text,
    ended: () => exit,
    end: async (signal) => {
      child.kill(signal);
      return exit;
    },
    dispose: async () => {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
      return exit.finally(() => clearTimeout(timer));
    },
  };
}
