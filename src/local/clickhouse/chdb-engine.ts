// Runs statements on chDB, which is ClickHouse as a library in this process.
//
// Invariants:
// - Statements do not affect each other. chDB keeps settings, parameters and the current database on a connection, so
//   each statement gets its own connection, which is closed afterwards. That costs 0.3 ms; resetting a pooled
//   connection might miss something.
// - Statements run in parallel: each connection binds its own parameters with SET. `queryBind` would queue all
//   parameterised statements of the process.
// - Never more statements run than there are threads. The others wait, up to a limit, and are refused beyond it. The
//   same applies to connections that cannot be closed yet: chDB's `close` waits for every statement that is running,
//   so a long one keeps the connections of all short ones (140 KB each) open until it ends.

import type { RawInsertFormat, Session, drainPending } from 'chdb';
import { fault, toFault } from './clickhouse-error.ts';
import type { Statement } from './clickhouse-request.ts';
import { hasSecondStatement, isInsert, parseInsertHead, quoteIdentifier, quoteString } from './sql-text.ts';

export interface Answer {
  readonly bytes: Buffer;
  readonly readRows: number;
  readonly readBytes: number;
  readonly writtenRows: number;
  readonly writtenBytes: number;
  readonly elapsedNanos: number;
}

export interface Chdb {
  readonly Session: typeof Session;
  readonly drainPending: typeof drainPending;
}

/** Statements run on libuv's threads, some of which must remain free for files and compression. */
export const THREADS = 16;
const RUNNING_MAX = THREADS - 4;
const WAITING_MAX = 1_000;
const UNCLOSED_MAX = 4_000;
const HEAD_BYTES_MAX = 64 * 1024;

// Data in these formats is passed to the engine as bytes, other formats as a string.
const BYTE_FORMATS: ReadonlyMap<string, RawInsertFormat> = new Map([
  ['jsoneachrow', 'JSONEachRow'],
  ['jsoncompacteachrow', 'JSONCompactEachRow'],
  ['csv', 'CSV'],
  ['csvwithnames', 'CSVWithNames'],
  ['tsv', 'TabSeparated'],
  ['tabseparated', 'TabSeparated'],
  ['tsvwithnames', 'TabSeparatedWithNames'],
  ['tabseparatedwithnames', 'TabSeparatedWithNames'],
]);

export class ChdbEngine {
  readonly #chdb: Chdb;
  readonly #dataDir: string;
  // Kept open, because chDB unloads the folder when the last connection closes.
  readonly #root: Session;
  readonly #waiting: (() => void)[] = [];
  readonly #active = new Set<Promise<unknown>>();
  #running = 0;
  #unclosed = 0;

  constructor(chdb: Chdb, dataDir: string) {
    this.#chdb = chdb;
    this.#dataDir = dataDir;
    this.#root = new chdb.Session(dataDir);
  }

  /** Throws the engine's error. A statement whose signal aborts while it waits is not run. */
  async run(statement: Statement, signal: AbortSignal): Promise<Answer> {
    await this.#enter();
    try {
      signal.throwIfAborted();
      const session = new this.#chdb.Session(this.#dataDir);
      const work = runOn(session, statement);
      this.#active.add(work);
      try {
        return await work;
      } finally {
        this.#active.delete(work);
        session.close();
        this.#countUntilClosed();
      }
    } finally {
      this.#leave();
    }
  }

  /** Call it once no statement is running. */
  async close(): Promise<void> {
    this.#root.close();
    await this.#chdb.drainPending();
  }

  #countUntilClosed(): void {
    if (this.#active.size === 0) return;
    this.#unclosed += 1;
    void Promise.allSettled([...this.#active]).then(() => (this.#unclosed -= 1));
  }

  async #enter(): Promise<void> {
    if (this.#unclosed >= UNCLOSED_MAX) {
      throw fault('TOO_MANY_SIMULTANEOUS_QUERIES', 'Too many simultaneous queries: a long one is holding up the rest.');
    }
    if (this.#running >= RUNNING_MAX) {
      if (this.#waiting.length >= WAITING_MAX) {
        throw fault('TOO_MANY_SIMULTANEOUS_QUERIES', `Too many simultaneous queries: ${WAITING_MAX} wait already.`);
      }
      // A statement that ends passes its slot to the next one, so the count does not change.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      return;
    }
    this.#running += 1;
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}

async function runOn(session: Session, statement: Statement): Promise<Answer> {
  if (statement.database !== undefined) await session.queryAsync(`USE ${quoteIdentifier(statement.database)}`);
  await session.queryAsync(prelude(statement));
  try {
    return (await insertBytes(session, statement)) ?? (await runText(session, statement));
  } catch (error) {
    // For a server, an INSERT without rows is not an error.
    if (toFault(error).code === NO_DATA_TO_INSERT) return NOTHING;
    throw error;
  }
}

const NO_DATA_TO_INSERT = 108;
const NOTHING: Answer = {
  bytes: Buffer.alloc(0),
  readRows: 0,
  readBytes: 0,
  writtenRows: 0,
  writtenBytes: 0,
  elapsedNanos: 0,
};

function prelude({ settings, params, isReadonly }: Statement): string {
  // Otherwise chDB runs `1 + 1` as `SELECT 1 + 1`, which a server does not.
  const assignments = ['implicit_select = 0'];
  for (const [name, value] of settings) assignments.push(`${name} = ${quoteString(value)}`);
  for (const [name, value] of params) assignments.push(`param_${name} = ${quoteString(value)}`);
  if (isReadonly) assignments.push('readonly = 2');
  return `SET ${assignments.join(', ')}`;
}

async function insertBytes(session: Session, { sql, data, isReadonly }: Statement): Promise<Answer | undefined> {
  // latin1 maps each byte to a character, so the head is found without decoding the data behind it.
  const start = sql === '' ? data.subarray(0, HEAD_BYTES_MAX).toString('latin1') : sql;
  const head = parseInsertHead(start);
  if (head === undefined || isReadonly) return undefined;
  // Falls back to text if the URL contains data too, or if the head may be longer than the examined part.
  const isWhole = sql === '' ? head.length < start.length || start.length === data.length : head.length === sql.length;
  const format = BYTE_FORMATS.get(head.format.toLowerCase());
  if (!isWhole || format === undefined) return undefined;
  const values = sql === '' ? data.subarray(head.length) : data;
  const { rowsWritten, bytesWritten, elapsed } = await session.insert({
    table: head.table,
    values,
    format,
    ...(head.columns.length === 0 ? {} : { columns: head.columns }),
  });
  return {
    bytes: Buffer.alloc(0),
    readRows: rowsWritten,
    readBytes: values.length,
    writtenRows: rowsWritten,
    writtenBytes: bytesWritten,
    elapsedNanos: nanosOf(elapsed),
  };
}

async function runText(session: Session, { sql, data, format }: Statement): Promise<Answer> {
  const text = [sql, decodeText(data)].filter((part) => part !== '').join('\n');
  if (!isInsert(text) && hasSecondStatement(text))
    throw fault('SYNTAX_ERROR', 'Syntax error: Multi-statements are not allowed.');
  const result = await session.queryAsync(text, { format });
  const bytes = result.bytes();
  return {
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    readRows: result.rowsRead,
    readBytes: result.bytesRead,
    writtenRows: 0,
    writtenBytes: 0,
    elapsedNanos: nanosOf(result.elapsed),
  };
}

function decodeText(data: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch (error) {
    throw Object.assign(
      fault(
        'NOT_IMPLEMENTED',
        `The local engine accepts bytes that are not UTF-8 in ${[...new Set(BYTE_FORMATS.values())].join(', ')} inserts only.`,
      ),
      { cause: error },
    );
  }
}

function nanosOf(seconds: number): number {
  return Math.max(0, Math.round(seconds * 1e9));
}
