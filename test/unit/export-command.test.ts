// `density export`: what it asks for, and what it leaves behind when the answer breaks off.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { readConfig } from '../../src/config.ts';
import { eventually } from '../support/eventually.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/density.js', import.meta.url));
const TIMEOUT_MS = 120_000;

let folder: string;
let server: Server;
let asked: { path: string; accept: string | undefined; authorization: string | undefined }[];
let answer: (response: ServerResponse, request: IncomingMessage) => void;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-export-'));
  asked = [];
  answer = (response) => response.end('a\n1\n');
  server = createServer((request, response) => {
    const { accept, authorization } = request.headers;
    asked.push({ path: decodeURIComponent(request.url ?? ''), accept, authorization });
    if (request.url?.startsWith('/api/v1/exports/')) answer(response, request);
    else if (request.url?.startsWith('/api/v1/spaces/')) response.end('{}');
    else response.end(JSON.stringify(DOORWAYS));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const DOORWAYS = [
  { id: 1, ingress_space_id: 5, egress_space_id: null },
  { id: 2, ingress_space_id: 6, egress_space_id: 7 },
  { id: 3, ingress_space_id: null, egress_space_id: 5 },
];

const port = (): number => (server.address() as AddressInfo).port;

/** @returns the exit code, or what went wrong */
async function density(...args: readonly string[]): Promise<number | string> {
  let code = -1;
  const program = createProgram({
    readConfig: () => readConfig({ PORT: String(port()), DENSITY_TOKEN: 'secret' }),
    printLine: () => undefined,
    warn: () => undefined,
    finish: (given) => (code = given),
  });
  return program.parseAsync(['node', 'density', 'export', ...args]).then(
    () => code,
    (error: unknown) => (error as Error).message,
  );
}

/** Sends as much as arrives at the client, and no end. */
function breakOff(response: ServerResponse, { headers }: IncomingMessage): void {
  const rows = Buffer.from('a,b\n'.repeat(10_000));
  const isZipped = headers['accept-encoding']?.includes('gzip') ?? false;
  if (isZipped) response.setHeader('content-encoding', 'gzip');
  response.write(isZipped ? gzipSync(rows) : rows, () => response.socket?.destroy());
}

it.each([
  [['events', '1'], '/exports/events/1', 'text/csv'],
  [
    ['events', '1', '--start', '2026-03-07T08:00:00Z', '--tz', 'space'],
    '/exports/events/1?start=2026-03-07T08:00:00Z&tz=space',
    'text/csv',
  ],
  [
    ['intervals', '1,2', '--interval', '1h', '--end', '2026-03-07T08:00:00Z'],
    '/exports/intervals?space_id=1,2&end=2026-03-07T08:00:00Z&interval=1h',
    'text/csv',
  ],
  [['readings', '--format', 'parquet'], '/exports/readings', 'application/vnd.apache.parquet'],
  [
    [
      'readings',
      '--space',
      '5',
      '--start',
      '2026-03-07T08:00:00Z',
      '--end',
      '2026-03-08T08:00:00Z',
      '--filter',
      "dpu_id = 'a' or exits > 1",
    ],
    "/exports/readings?filter=timestamp+>=+'2026-03-07T08:00:00Z'+and+timestamp+<+'2026-03-08T08:00:00Z'+and+doorway_id+in+(1,+3)+and+(dpu_id+=+'a'+or+exits+>+1)",
    'text/csv',
  ],
] as const)('%j asks for %s', async ([what, ...args], path, accept) => {
  const positional = args.findIndex((each) => each.startsWith('--'));
  const at = positional < 0 ? args.length : positional;
  const file = join(folder, 'history');
  expect(await density(what, ...args.slice(0, at), file, ...args.slice(at))).toBe(0);
  expect(asked.at(-1)).toEqual({ path: `/api/v1${path}`, accept, authorization: 'Bearer secret' });
  expect(await readFile(file, 'utf8')).toBe('a\n1\n');
  expect(await readdir(folder)).toEqual(['history']);
});

it('takes the format from the name of the file, and replaces it, also behind a link', async () => {
  const [file, link] = [join(folder, 'old.parquet'), join(folder, 'link.parquet')];
  await writeFile(file, 'old');
  await symlink(file, link);
  expect(await density('events', '1', link)).toBe(0);
  expect(asked.at(-1)?.accept).toBe('application/vnd.apache.parquet');
  expect(await readFile(file, 'utf8')).toBe('a\n1\n');
  expect((await readdir(folder)).sort()).toEqual(['link.parquet', 'old.parquet']);
});

it('leaves a file as it was, and nothing else, when the answer breaks off', async () => {
  answer = breakOff;
  const file = join(folder, 'events.csv');
  const sentence = `the connection broke before the export was complete: ${file} was not written`;
  expect(await density('events', '1', file)).toBe(sentence);
  expect(await readdir(folder)).toEqual([]);
  await writeFile(file, 'old');
  expect(await density('events', '1', file)).toBe(sentence);
  expect(await readFile(file, 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['events.csv']);
});

it('says what the service refuses, where a file cannot be, and what is wrong in its options', async () => {
  answer = (response) => response.writeHead(404).end(JSON.stringify({ detail: 'there is no space 9' }));
  const file = join(folder, 'events.csv');
  expect(await density('events', '9', file)).toBe('there is no space 9');
  expect(await density('readings', file, '--space', '8')).toBe('no doorway leads into or out of space 8');
  expect(await readdir(folder)).toEqual([]);
  answer = (response) => response.end('a\n');
  expect(await density('events', '1', '/nowhere/events.csv')).toBe('cannot write /nowhere/events.csv');
  expect(await density('events', '1', folder)).toBe(`cannot write ${folder}`);
  expect(await density('events', '1', file, '--start', 'yesterday')).toContain('must be an ISO 8601 instant');
  expect(await density('events', '1', file, '--format', 'xml')).toContain('Allowed choices are csv, parquet');
});

it('prints to a pipe as the answer arrives, and fails if it breaks off', { timeout: TIMEOUT_MS }, async () => {
  let open: ServerResponse | undefined;
  answer = (response) => {
    open = response;
    response.write('first\n');
  };
  const child = spawn(globalThis.process.execPath, [PROGRAM, 'export', 'events', '1', '-'], {
    env: { ...globalThis.process.env, PORT: String(port()) },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const closed = once(child, 'close');
  await eventually(() => expect(out).toBe('first\n'), TIMEOUT_MS);
  open?.write(Buffer.alloc(300_000, 'x'), () => open?.socket?.destroy());
  expect(await closed).toEqual([1, null]);
  expect(err).toBe('density: the connection broke before the export was complete: what was printed is not complete\n');
});

it('leaves nothing when it is interrupted', { timeout: TIMEOUT_MS }, async () => {
  answer = (response) => void response.write('first\n');
  const file = join(folder, 'events.csv');
  const child = spawn(globalThis.process.execPath, [PROGRAM, 'export', 'events', '1', file], {
    env: { ...globalThis.process.env, PORT: String(port()) },
  });
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const closed = once(child, 'close');
  await eventually(async () => expect(await readdir(folder)).toEqual([`.events.csv.${child.pid}.part`]), TIMEOUT_MS);
  child.kill('SIGINT');
  expect(await closed).toEqual([1, null]);
  expect(err).toBe(`density: interrupted: ${file} was not written\n`);
  expect(await readdir(folder)).toEqual([]);
});

it('prints all of a long answer, and ends when its reader does', { timeout: TIMEOUT_MS }, async () => {
  const line = `${'x'.repeat(99)}\n`;
  answer = (response) => response.end(line.repeat(50_000));
  const shell = async (command: string): Promise<string> =>
    new Promise((resolve, reject) =>
      execFile(
        'bash',
        ['-o', 'pipefail', '-c', `"${globalThis.process.execPath}" "${PROGRAM}" export events 1 ${command}`],
        { env: { ...globalThis.process.env, PORT: String(port()) } },
        (error, out, err) => (error ? reject(new Error(err, { cause: error })) : resolve(out.trim())),
      ),
    );
  expect(await shell('| wc -c')).toBe(String(line.length * 50_000));
  expect(await shell('| head -n 1')).toBe(line.trim());
  expect(
    await shell(
      `>(wc -c > "${folder}/counted"); while [ ! -s "${folder}/counted" ]; do :; done; cat "${folder}/counted"`,
    ),
  ).toBe(String(line.length * 50_000));
});
