// What the command line refuses by itself, each with one sentence.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CommanderError } from 'commander';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { readConfig } from '../../src/config.ts';

let server: Server;
beforeAll(async () => {
  server = createServer((_request, response) => response.end('kind,name\nspace,Hall\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => server.close());

/** @returns what went wrong */
async function failureOf(args: readonly string[]): Promise<string> {
  const { port } = server.address() as AddressInfo;
  const program = createProgram({
    readConfig: () => readConfig({ PORT: String(port) }),
    printLine: () => undefined,
    warn: () => undefined,
    finish: () => undefined,
  });
  const silence = (command: typeof program): void => {
    command.configureOutput({ writeErr: () => undefined });
    command.commands.forEach(silence);
  };
  silence(program);
  return program.parseAsync(['node', 'density', ...args]).then(
    () => 'nothing',
    (error: unknown) => (error instanceof CommanderError ? `usage: ${error.message}` : (error as Error).message),
  );
}

it.each([
  ['adapt xovis x.json --options {', '--options must be JSON'],
  ['import /nowhere.csv', 'cannot read /nowhere.csv'],
  ['nats dpu 7 --keys /nowhere', '/nowhere contains no keyring.json; run "density nats init" to create it'],
  ['topology export /nowhere/topology.csv', 'cannot write /nowhere/topology.csv'],
])('%s: %s', async (command, sentence) => {
  expect(await failureOf(command.split(' '))).toBe(sentence);
});

it.each([
  ['token x --scope read --expires tomorrow --file /nowhere.json', 'must be an ISO 8601 instant with an offset.'],
  ['token x --scope everything --file /nowhere.json', 'there is no scope everything; the scopes are'],
])('%s is wrong usage: %s', async (command, sentence) => {
  const failure = await failureOf(command.split(' '));
  expect(failure).toMatch(/^usage: /);
  expect(failure).toContain(sentence);
});

it('a variable that is not an instant is named', () => {
  expect(() => readConfig({ EARLIEST_TIMESTAMP: '2024' })).toThrow(
    'EARLIEST_TIMESTAMP="2024": must be an ISO 8601 instant with an offset',
  );
});
