// The limits of the local engine, on a chDB whose statements end when the test says so.
import type { Session } from 'chdb';
import { expect, it, vi } from 'vitest';
import { ChdbEngine, type Answer, type Chdb } from '../../src/local/clickhouse/chdb-engine.ts';
import type { Statement } from '../../src/local/clickhouse/clickhouse-request.ts';
import { fakeOf } from '../support/fake-of.ts';

const THREADS_FOR_STATEMENTS = 12;
const WAITING_MAX = 1_000;
const UNCLOSED_MAX = 4_000;
const SLOW = 'SELECT slow';
const TOO_MANY = 'Code: 202. DB::Exception: Too many simultaneous queries';

const statement = (sql: string): Statement => ({
  sql,
  data: Buffer.alloc(0),
  database: undefined,
  format: 'TabSeparated',
  settings: new Map(),
  params: new Map(),
  isReadonly: false,
  queryId: '',
  wantsCompression: false,
});

class Engine {
  readonly #engine: ChdbEngine;
  /** Ends every slow statement. */
  endSlow: () => void = () => undefined;
  started = 0;

  constructor() {
    const slowHasEnded = new Promise<void>((resolve) => (this.endSlow = resolve));
    const queryAsync = async (sql: string): ReturnType<Session['queryAsync']> => {
      if (!sql.startsWith('SET ')) this.started += 1;
      if (sql === SLOW) await slowHasEnded;
      return fakeOf<Awaited<ReturnType<Session['queryAsync']>>>('result', {
        bytes: () => new Uint8Array(),
        rowsRead: 0,
        bytesRead: 0,
        elapsed: 0,
      });
    };
    const newSession = vi.fn(function (): Session {
      return fakeOf<Session>('session', { queryAsync, close: () => undefined });
    });
    const chdb = fakeOf<Chdb>('chdb', { Session: newSession, drainPending: async () => 0 });
    this.#engine = new ChdbEngine(chdb, '/nowhere');
  }

  async run(sql: string, signal = new AbortController().signal): Promise<Answer> {
    return this.#engine.run(statement(sql), signal);
  }
}

it('runs as many statements as there are threads, queues some more, and refuses the rest', async () => {
  const engine = new Engine();
  const accepted = Array.from({ length: THREADS_FOR_STATEMENTS + WAITING_MAX }, async () => engine.run(SLOW));
  await expect(engine.run(SLOW)).rejects.toThrow(`${TOO_MANY}: ${WAITING_MAX} wait already.`);
  expect(engine.started).toBe(THREADS_FOR_STATEMENTS);
  engine.endSlow();
  await Promise.all(accepted);
  expect(engine.started).toBe(accepted.length);
  await expect(engine.run('SELECT 1')).resolves.toMatchObject({ readRows: 0 });
});

it('does not run a statement whose client has gone while it waited', async () => {
  const engine = new Engine();
  const running = Array.from({ length: THREADS_FOR_STATEMENTS }, async () => engine.run(SLOW));
  const abort = new AbortController();
  const waiting = engine.run(SLOW, abort.signal);
  abort.abort(new Error('gone'));
  await expect.poll(() => engine.started).toBe(THREADS_FOR_STATEMENTS);
  engine.endSlow();
  await expect(waiting).rejects.toThrow('gone');
  await Promise.all(running);
  expect(engine.started).toBe(THREADS_FOR_STATEMENTS);
});

it('refuses statements while a long one keeps too many connections open', async () => {
  const engine = new Engine();
  const long = engine.run(SLOW);
  for (let n = 0; n < UNCLOSED_MAX; n++) await engine.run('SELECT 1');
  await expect(engine.run('SELECT 1')).rejects.toThrow(`${TOO_MANY}: a long one is holding up the rest.`);
  engine.endSlow();
  await long;
  await expect.poll(async () => engine.run('SELECT 1').then(() => 'runs', String)).toBe('runs');
});
