// Runs a program to completion, with a timeout.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface ProgramOptions {
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly withinMs?: number;
}

const WITHIN_MS = 120_000;
const COMPLAINT_MAX = 4_000;

/** @returns its standard output @throws Error with the end of its standard error */
export async function runProgram(
  program: string,
  args: readonly string[],
  { env = {}, cwd, withinMs = WITHIN_MS }: ProgramOptions = {},
): Promise<string> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: withinMs,
    killSignal: 'SIGKILL',
  });
  const [output, complaint]: [string[], string[]] = [[], []];
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => complaint.push(text));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code === 0) return output.join('');
  const how = signal === null ? `ended with ${code}` : `did not end within ${withinMs} ms`;
  throw new Error(
    `${program} ${args.join(' ')} ${how}: ${[...output, ...complaint].join('').slice(-COMPLAINT_MAX).trim()}`,
  );
}
