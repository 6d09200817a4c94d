// One session of PostgreSQL, by its own client program, which reads statements from a pipe.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { PostgresServer } from './postgres-server.ts';

const END_OF_ANSWER = 'end of the answer';

export class Psql {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<never>;
  #output = '';
  #errors = '';
  #onOutput: () => void = () => undefined;

  constructor({ bin, folder }: PostgresServer) {
    const options = ['-X', '-q', '-A', '-t', '-F', ',', '-v', 'ON_ERROR_STOP=1', '-h', folder, '-U', 'postgres'];
    this.#child = spawn(join(bin, 'psql'), options, { env: { ...process.env, PGTZ: 'UTC' } });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      this.#onOutput();
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    // Ends with an error, which `exit` reports.
    this.#child.stdin.on('error', () => undefined);
    this.#ended = once(this.#child, 'exit').then(() => {
      throw new Error(`psql ended: ${this.#errors}`);
    });
    this.#ended.catch(() => undefined);
  }

  /** One at a time. @param sql one statement or more @returns the rows, as arrays of text @throws Error if it fails */
  async run(sql: string): Promise<string[][]> {
    const marker = `${END_OF_ANSWER}\n`;
    const answered = new Promise<string>((resolve) => {
      this.#onOutput = () => {
        if (!this.#output.endsWith(marker)) return;
        resolve(this.#output.slice(0, -marker.length));
        this.#output = '';
      };
    });
    this.#child.stdin.write(`${sql}\n\\echo ${END_OF_ANSWER}\n`);
    const text = await Promise.race([answered, this.#ended]);
    return text.split('\n').flatMap((line) => (line === '' ? [] : [line.split(',')]));
  }

  async close(): Promise<void> {
    const exited = this.#child.exitCode === null ? once(this.#child, 'exit') : undefined;
    this.#child.stdin.end();
    await exited;
  }
}
