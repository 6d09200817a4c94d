import { expect } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { readConfig } from '../../src/config.ts';

/** What a `density` command prints that asks a service and succeeds without a warning. @param url of the service */
export async function densityLines(url: string, ...args: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  const program = createProgram({
    readConfig: () => readConfig({}),
    printLine: (line) => lines.push(line),
    warn: (line) => expect.fail(line),
    finish: (code) => expect(code).toBe(0),
  });
  await program.parseAsync(['node', 'density', ...args, '--url', url]);
  return lines;
}
