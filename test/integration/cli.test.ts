// The command line as a person uses it, against a running service.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommanderError } from 'commander';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { readConfig } from '../../src/config.ts';
import { TokenFile } from '../../src/http/auth/auth-tokens.ts';
import { apiRoutes } from '../../src/http/routes/routes.ts';
import { connectNats } from '../../src/nats/connect.ts';
import { SPACE_EVENTS } from '../../src/nats/streams.ts';
import { eventually } from '../support/eventually.ts';
import { QUICK, startLocalService, type LocalService } from '../support/local-service.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/density.js', import.meta.url));

let service: LocalService;
beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '2' });
});
afterAll(async () => service?.dispose());

/** The sequences of the messages that a stream holds. */
async function sequencesIn(stream: string): Promise<number[]> {
  const { nc, jsm } = await connectNats(service.natsUrl, 'test');
  try {
    const { state } = await jsm.streams.info(stream, { deleted_details: true });
    const removed = new Set(state.deleted);
    const all = Array.from({ length: state.last_seq - state.first_seq + 1 }, (_, n) => state.first_seq + n);
    return all.filter((seq) => !removed.has(seq));
  } finally {
    await nc.close();
  }
}

interface Outcome {
  readonly code: number;
  readonly out: string[];
  readonly err: string[];
}

/**
 * Runs the program in this process, which is fast and covers everything except the error handling of `main.ts`.
 * @param out gets the lines as they are printed
 */
async function density(args: string[], environment: Record<string, string> = {}, out: string[] = []): Promise<Outcome> {
  const { port } = new URL(service.url);
  const config = readConfig({
    HOST: '127.0.0.1',
    PORT: port,
    NATS_URL: service.natsUrl,
    PARTITIONS: '2',
    ...environment,
  });
  const err: string[] = [];
  let code = -1;
  const program = createProgram({
    readConfig: () => config,
    printLine: (line) => out.push(line),
    warn: (line) => err.push(line),
    finish: (given) => (code = given),
  });
  const write = { writeOut: (text: string) => out.push(text), writeErr: (text: string) => err.push(text) };
  const silence = (command: typeof program): void => {
    command.configureOutput(write);
    command.commands.forEach(silence);
  };
  silence(program);
  await program.parseAsync(['node', 'density', ...args]).catch((error: unknown) => {
    if (!(error instanceof CommanderError)) throw error;
    code = error.exitCode === 0 ? 0 : 2;
  });
  return { code, out, err };
}

async function process(
  args: string[],
  environment: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(
      globalThis.process.execPath,
      [PROGRAM, ...args],
      { env: { ...globalThis.process.env, ...environment }, timeout: 400_000 },
      (error, out, err) => resolve({ code: error ? Number(error.code ?? -1) : 0, out, err }),
    );
  });
}

describe('density', () => {
  it('prints the readings that an adapter makes from a payload, and what it leaves out', async () => {
    const payload = ['adapt', 'xovis', 'test/data/devices/xovis-datapush5/sample-1.json', '--device', 'x'];
    const { code, out, err } = await density([...payload, '--options', '{"counter":"event"}']);
    expect(code).toBe(0);
    expect(err).toEqual([]);
    expect(out.map((line) => JSON.parse(line) as object)).not.toHaveLength(0);
    for (const line of out)
      expect(JSON.parse(line)).toMatchObject({
        dpu_id: expect.any(String) as string,
        direction: expect.any(Number) as number,
      });
    expect((await density(payload)).err).toContainEqual(expect.stringMatching(/^skipped: .*line crossings/));
    const intervals = await density(['adapt', 'xovis', payload[2]?.replace('1.json', '3.json') ?? '', '--device', 'x']);
    // A later payload may correct the interval.
    expect(JSON.parse(intervals.out[0] ?? '')).toMatchObject({ start: expect.any(String) as string, revision: 1 });
    await expect(density([...payload, '--options', '{"counter":"x"}'])).rejects.toThrow('--options: counter');
    await expect(density(['adapt', 'nosuch', 'x', '--device', 'y'])).rejects.toThrow('there are xovis');
  });

  it('describes each command', async () => {
    const commands = [
      'run',
      'demo',
      'nats',
      'migrate',
      'recreate',
      'seed',
      'simulate',
      'import',
      'adapt',
      'dead-letters',
      'account',
      'routes',
      'topology',
      'token',
      'spaces',
      'doorways',
      'dpus',
      'explain',
      'watch',
      'dpus list',
      'dpus add',
      'dpus move',
    ];
    for (const command of commands) {
      const { code, out } = await density([...command.split(' '), '--help']);
      expect({ command, code, isUseful: /Usage: .*\n\n\w+/.test(out.join('')) }).toEqual({
        command,
        code: 0,
        isUseful: true,
      });
    }
  });

  it('prints JSON with --json, whatever the command', async () => {
    // The nats commands write files; adapt prints only JSON; exports have --format.
    const silent = [
      'demo',
      'cluster',
      'nats init',
      'nats dpu',
      'nats revoke',
      'nats update',
      'adapt',
      'topology export',
      ...['export events', 'export intervals', 'export readings'],
    ];
    const program = createProgram({
      readConfig: () => readConfig({}),
      printLine: () => undefined,
      warn: () => undefined,
      finish: () => undefined,
    });
    const leaves = program.commands.flatMap((command) =>
      command.commands.length === 0
        ? [command.name()]
        : command.commands.map((sub) => `${command.name()} ${sub.name()}`),
    );
    for (const command of leaves.filter((each) => !silent.includes(each))) {
      expect({
        command,
        hasJson: (await density([...command.split(' '), '--help'])).out.join('').includes('--json'),
      }).toEqual({ command, hasJson: true });
    }
    const page = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
    for (const name of program.commands.map((command) => command.name()))
      expect(page, name).toMatch(new RegExp(`^\\| [^|]*\\b${name}\\b`, 'm'));
  });

  it('imports a file, and reports the lines it could not use', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'density-import-'));
    try {
      const file = join(folder, 'readings.csv');
      await writeFile(
        file,
        'dpu_id,timestamp,direction\nx-1,2018-02-24T08:00:00Z,1\nx-1,yesterday,1\nx-1,2018-02-24T08:00:01Z,-1\n',
      );
      const { code, out } = await density(['import', file, '--json']);
      expect({ code, result: JSON.parse(out.join('')) as unknown }).toEqual({
        code: 2,
        result: { file, accepted: 2, rejected: [{ line: 3, detail: expect.stringContaining('timestamp') as string }] },
      });
      expect((await density(['import', file])).out[0]).toBe(`${file}: 2 accepted, 1 rejected`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('registers spaces, doorways and DPUs, lists them, and moves a DPU', async () => {
    const space = JSON.parse(
      (await density(['spaces', 'add', 'Hall', '--time-zone', 'Europe/Vienna', '--capacity', '40', '--json'])).out[0] ??
        '',
    ) as { id: number };
    expect(space).toMatchObject({ name: 'Hall', time_zone: 'Europe/Vienna', capacity: 40 });
    const [a, b] = await Promise.all(
      ['A', 'B'].map(
        async (name) =>
          JSON.parse((await density(['doorways', 'add', name, '--into', String(space.id), '--json'])).out[0] ?? '') as {
            id: number;
          },
      ),
    );
    expect((await density(['dpus', 'add', 'dpu-1', '--doorway', String(a?.id)])).out).toEqual([
      `DPU dpu-1 is above doorway ${a?.id}`,
    ]);
    expect((await density(['dpus', 'move', 'dpu-1', '--doorway', String(b?.id)])).out).toEqual([
      `DPU dpu-1 is above doorway ${b?.id}`,
    ]);
    expect((await density(['dpus', 'list', '--json'])).out.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      [{ id: 'dpu-1', doorway_id: b?.id }],
    ]);
    expect((await density(['dpus', 'move', 'dpu-1', '--doorway', 'none'])).out).toEqual([
      'DPU dpu-1 is above no doorway',
    ]);
    expect((await density(['spaces'])).out).toEqual([
      'id  name  time zone      daily reset  reset to  capacity',
      `${space.id}   Hall  Europe/Vienna  -            -         40`,
    ]);
    expect((await density(['doorways', 'list'])).out).toHaveLength(3);
  });

  it('seeds a building once, simulates people, accounts for every reading, and watches', async () => {
    expect((await density(['seed'])).out[0]).toMatch(/^registered: Lobby/);
    const seeded = JSON.parse((await density(['seed', '--json'])).out[0] ?? '') as {
      is_new: boolean;
      spaces: { id: number; name: string }[];
    };
    expect(seeded.is_new).toBe(false);
    const lobby = String(seeded.spaces[0]?.id);
    // A snapshot of unsettled counts would be followed by an event without anybody passing.
    await eventually(async () =>
      expect((await density(['watch', lobby, '--events', '1', '--json'])).out[0]).toContain('"settled":true'),
    );
    const seen: string[] = [];
    const watched = density(['watch', lobby, '--events', '2', '--json'], {}, seen);
    await eventually(() => expect(seen).toHaveLength(1));
    expect(service.service.live.subscribers).toBe(1);
    const simulated = await density(['simulate', '--seconds', '1', '--backfill', '--json']);
    expect({ code: simulated.code, lines: simulated.out.map((line) => JSON.parse(line) as unknown) }).toMatchObject({
      code: 0,
      lines: [{ backfilled: expect.any(Number) as number }],
    });
    const { code, out } = await watched;
    expect({ code, events: out.map((line) => (JSON.parse(line) as { event: string }).event) }).toMatchObject({
      code: 0,
      events: [expect.any(String), expect.any(String)],
    });
    expect(JSON.parse(out[0] ?? '')).toMatchObject({ event: 'snapshot', space_id: Number(lobby), count: 0 });
    // An estimate ("about 110") until all that was sent at once is routed and stored.
    await eventually(async () =>
      expect((await density(['watch', lobby, '--events', '1'])).out[0]).toMatch(/^\d\d:\d\d:\d\d {2}space \d+: \d+/),
    );
    await eventually(async () => {
      const account = await density(['account']);
      expect(account.out.at(-1)).toBe('every reading is accounted for');
      expect(account.code).toBe(0);
    });
  });

  it('lists dead letters, the newest last', async () => {
    expect((await density(['dead-letters', '--json'])).out).toEqual(['[]']);
    const { nc, js } = await connectNats(service.natsUrl, 'test');
    for (const direction of [0, 2, 3])
      await js.publish('dpu.dpu-9.readings', `{"timestamp":"2024-01-01T00:00:00Z","direction":${direction}}`);
    await nc.close();
    await eventually(async () =>
      expect(
        JSON.parse((await density(['dead-letters', '--limit', '2', '--json'])).out.join('')) as unknown,
      ).toMatchObject(
        [2, 3].map((direction) => ({
          reason: 'bad_direction',
          detail: 'direction must be 1 or -1',
          index: 0,
          subject: expect.stringMatching(/^readings\.\d\.dpu-9\.readings$/) as string,
          text: expect.stringContaining(`"direction":${direction}`) as string,
        })),
      ),
    );
    expect((await density(['dead-letters'])).out).toHaveLength(4);
  });

  it('prints the commits of the log', async () => {
    await eventually(async () => {
      const { code, out } = await density(['log', 'cat', '--events']);
      const commits = out.map(
        (line) =>
          JSON.parse(line) as {
            seq: number;
            router: number;
            counters: { fresh: number };
            sections: Record<string, { events: { readingId: string }[] }>;
          },
      );
      // On a slow machine the log is truncated by now, except for each router's last commit.
      expect([code, commits.map(({ seq }) => seq)]).toEqual([0, await sequencesIn(SPACE_EVENTS)]);
      const events = commits.flatMap(({ sections }) => Object.values(sections).flatMap((section) => section.events));
      expect(events.length).toBeGreaterThan(0);
      expect(new Set(events.map(({ readingId }) => readingId.split('~').length))).toEqual(new Set([3]));
      const some = await density(['log', 'cat', '--from', '3', '--limit', '2', '--router', '0', '--json']);
      const ofRouter = commits.filter(({ seq, router }) => seq >= 3 && router === 0).slice(0, 2);
      expect(some.out.map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual(ofRouter.map(({ seq }) => seq));
      const lines = (await density(['log', 'cat'])).out;
      expect(lines[0]).toMatch(
        /^\d+  \S+Z  router \d, .*  READINGS \d+  clock \S+  \d+ events, \d+ heartbeats, \d+ configurations  \d+ bytes$/,
      );
    });
  });

  it('moves a DPU as docs/cli.md shows', async () => {
    const page = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
    const [, command = '', answer] = /\$ npx density (dpus move .*)\n\s+(.*)\n/.exec(page) ?? [];
    expect((await density(command.split(' '))).out).toEqual([answer]);
  });

  it("prints the service's routes with their scopes", async () => {
    const routes = JSON.parse((await density(['routes', '--json'])).out[0] ?? '') as object[];
    expect(routes).toContainEqual(
      expect.objectContaining({ method: 'GET', path: '/api/v1/counts/{space_id}/current', scope: 'read' }),
    );
    expect(routes.length).toBe(apiRoutes(service.service, Date.now).length);
    expect((await density(['routes'])).out).toHaveLength(routes.length + 1);
  });

  it('makes a token that the service accepts', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'density-token-'));
    try {
      const file = join(folder, 'tokens.json');
      const { code, out } = await density(['token', 'dashboard', '--scope', 'read,readings:write', '--file', file]);
      expect(code).toBe(0);
      expect(await (await TokenFile.open(file, pino({ level: 'silent' }))).find(out[0] ?? '')).toMatchObject({
        name: 'dashboard',
        scopes: ['read', 'readings:write'],
      });
      expect((await density(['token', 'x', '--scope', 'everything', '--file', file])).code).toBe(2);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('refuses with one sentence and an exit code', async () => {
    const nowhere = { PORT: '1' };
    await expect(density(['spaces'], nowhere)).rejects.toThrow('the service does not answer at http://127.0.0.1:1');
    await expect(density(['watch', '1'], nowhere)).rejects.toThrow('the service does not answer');
    await expect(density(['watch', '999'])).rejects.toThrow('there is no space 999');
    await expect(density(['dpus', 'move', 'dpu-x', '--doorway', '1'])).rejects.toThrow('there is no DPU dpu-x');
    await expect(density(['dpus', 'add', 'bad id'])).rejects.toThrow('id');
    for (const args of [
      ['fly'],
      ['dpus', 'move', 'x'],
      ['watch'],
      ['watch', '1', '--events', 'many'],
      ['watch', '1', '--events', '0'],
      ['cluster', '--nodes', 'many'],
      ['spaces', 'add', 'X', '--capacity', 'x'],
    ]) {
      expect({ args, code: (await density(args)).code }).toEqual({ args, code: 2 });
    }
    expect((await density(['recreate'])).code).toBe(2);
  });

  it('exits with the same codes as a process', async () => {
    const { port } = new URL(service.url);
    const [good, bad, wrong, refused, vague] = await Promise.all([
      process(['spaces', '--json'], { HOST: '127.0.0.1', PORT: port }),
      process(['watch', '999'], { HOST: '127.0.0.1', PORT: port }),
      process(['watch']),
      process(['watch', 'abc'], { HOST: '127.0.0.1', PORT: port }),
      process(['spaces', 'add', 'Y', '--daily-reset', '4am'], { HOST: '127.0.0.1', PORT: port }),
    ]);
    expect(good.code).toBe(0);
    expect(Array.isArray(JSON.parse(good.out))).toBe(true);
    expect(bad).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^density: there is no space 999\n$/) as string,
    });
    expect(wrong).toMatchObject({ code: 2, out: '' });
    expect(refused).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('space_id: must be the ids') as string,
    });
    expect(vague).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('must be a time of day, such as 04:00') as string,
    });
  });

  it('deletes everything on request, and creates it again', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'density-cli-'));
    const own = {
      ...QUICK,
      NATS_URL: '',
      DENSITY_DATA_DIR: dataDir,
      PARTITIONS: '2',
      NATS_SERVER_BIN: globalThis.process.env['NATS_SERVER_BIN'] ?? '',
    };
    try {
      const made = await density(['migrate', '--json'], own);
      expect({ code: made.code, out: made.out.map((line) => JSON.parse(line) as unknown) }).toEqual({
        code: 0,
        out: [{ migrated: true }],
      });
      for (const args of [['migrate'], ['recreate', '--yes']]) {
        const { code, out } = await density(args, own);
        expect({ args, code, last: out.at(-1) }).toMatchObject({
          code: 0,
          last: expect.stringMatching(/streams and tables (exist|are empty)/) as string,
        });
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
