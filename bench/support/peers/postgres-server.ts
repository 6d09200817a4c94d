// A PostgreSQL server of its own, in a folder that is removed at the end, reached by a socket in that folder. With the
// TimescaleDB extension if it is installed.
import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { eventually } from '../../../test/support/eventually.ts';

const run = promisify(execFile);
const READY_WITHIN_MS = 60_000;
/** Characters. */
const LOG_SHOWN = 10_000;
const DEBIAN = '/usr/lib/postgresql';
/** Who may run PostgreSQL when we are root, whom it refuses. */
const USERS = ['postgres', 'nobody'];
/** What an administrator sets on a machine with a few GB and an SSD. `fsync` and `synchronous_commit` stay on. */
const SETTINGS = {
  listen_addresses: '',
  shared_buffers: '1GB',
  effective_cache_size: '4GB',
  work_mem: '32MB',
  max_wal_size: '4GB',
  random_page_cost: '1.1',
  jit: 'off',
};

export interface PostgresServer {
  readonly bin: string;
  readonly folder: string;
  /** Of the process whose children do the work. */
  readonly pid: number;
  readonly hasTimescale: boolean;
}

/** The folder of its programs: `PEERS_POSTGRES_BIN`, that of `pg_config`, or the newest of Debian's. */
export async function findPostgres(): Promise<string | undefined> {
  const explicit = process.env['PEERS_POSTGRES_BIN'];
  const configured = await run('pg_config', ['--bindir']).then(
    ({ stdout }) => [stdout.trim()],
    () => [],
  );
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const debian = versions.map((version) => join(DEBIAN, version, 'bin'));
  const candidates = explicit === undefined ? [...configured, ...debian] : [explicit];
  return candidates.find((bin) => ['initdb', 'postgres', 'psql'].every((name) => existsSync(join(bin, name))));
}

export async function withPostgresServer(bin: string, act: (server: PostgresServer) => Promise<void>): Promise<void> {
  const user = process.getuid?.() === 0 ? unprivileged() : undefined;
  const folder = await mkdtemp(join(tmpdir(), 'density-postgres-'));
  try {
    if (user) await chown(folder, user.uid, user.gid);
    const options = { ...user, cwd: folder };
    await run(
      join(bin, 'initdb'),
      ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
      options,
    );
    const hasTimescale = await isTimescaleInstalled(bin);
    const settings = {
      ...SETTINGS,
      unix_socket_directories: folder,
      ...(hasTimescale ? { shared_preload_libraries: 'timescaledb', 'timescaledb.telemetry_level': 'off' } : {}),
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const server = spawn(join(bin, 'postgres'), ['-D', join(folder, 'data'), ...args], {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const kill = (): void => void server.kill('SIGQUIT');
    process.once('exit', kill);
    const ended = once(server, 'exit');
    try {
      await untilReady(bin, folder, server);
      await act({ bin, folder, pid: server.pid ?? NaN, hasTimescale });
    } finally {
      server.kill('SIGINT');
      await ended;
      process.off('exit', kill);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function untilReady(
  bin: string,
  folder: string,
  server: ChildProcessByStdio<null, null, Readable>,
): Promise<void> {
  let log = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => (log = `${log}${text}`.slice(-LOG_SHOWN)));
  await eventually(async () => {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended: ${log}`);
    await run(join(bin, 'psql'), ['-X', '-h', folder, '-U', 'postgres', '-c', 'SELECT 1']);
  }, READY_WITHIN_MS);
}

async function isTimescaleInstalled(bin: string): Promise<boolean> {
  const { stdout } = await run(join(bin, 'pg_config'), ['--sharedir']).catch(() => ({ stdout: '' }));
  return existsSync(join(stdout.trim(), 'extension', 'timescaledb.control'));
}

/** @throws Error if the machine has none of the users */
function unprivileged(): { uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of USERS) {
    const [, , uid, gid] = users.find(([user]) => user === name) ?? [];
    if (uid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(`PostgreSQL refuses to run as root, and there is no user ${USERS.join(' or ')}`);
}
