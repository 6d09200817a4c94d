// Exports: answers of any length, which are streamed. Rows are read only as fast as the client takes them.
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { Failure } from '../domain/failure.ts';
import { principalOf, whileAdmitted } from './auth/auth.ts';
import { csvRows } from './csv-answer.ts';
import { HttpProblem, tooMany } from './problem.ts';
import { logOf } from './request-state.ts';

/** Concurrent exports of this process. Each takes one connection to ClickHouse. */
const EXPORTS_MAX = 4;
const RETRY_AFTER_MS = 10_000;
/** The connection of a client that has read nothing for this long is closed. */
const STALLED_MAX_MS = 60_000;

export const PARQUET = 'application/vnd.apache.parquet';
type ExportType = 'text/csv' | typeof PARQUET;

/** @throws HttpProblem 406 if the client accepts none of the types */
export function exportType(ctx: Context, ...types: [ExportType, ...ExportType[]]): ExportType {
  ctx.vary('accept');
  const type = types.find((each) => each === ctx.accepts(...types));
  if (!type) throw new HttpProblem(406, `the export is available as ${types.join(' and ')}`);
  return type;
}

/** Pages of rows as CSV, with a header line. */
export async function* csvOf<Row extends object>(
  columns: readonly (keyof Row & string)[],
  pages: AsyncIterable<readonly Row[]>,
): AsyncGenerator<string> {
  let isFirst = true;
  for await (const rows of pages) {
    yield csvRows(columns, rows, { header: isFirst });
    isFirst = false;
  }
}

/** The exports of this process. Each client may run one at a time, so that none can use up all of them. */
export class Exports {
  readonly #clients = new Set<string>();
  readonly #stalledMaxMs: number;
  #running = 0;

  constructor(stalledMaxMs = STALLED_MAX_MS) {
    this.#stalledMaxMs = stalledMaxMs;
  }

  /**
   * Answers with chunks. If one cannot be read, the connection is closed before the end of the answer, so that the client does not take
   * a part for the whole.
   * @throws HttpProblem 429 or Failure if too many exports are running, or if the first chunk cannot be read
   */
  async answer(
    ctx: Context,
    { type, name, chunks }: { type: ExportType; name: string; chunks: AsyncIterable<string | Uint8Array> },
  ): Promise<Readable> {
    const leave = this.#enter(principalOf(ctx)?.name);
    const iterator = chunks[Symbol.asyncIterator]();
    const first = await iterator.next().catch((error: unknown) => {
      leave();
      throw error;
    });
    const offer: Offer = { sinceMs: undefined };
    const body = Readable.from(startingWith(first, iterator, offer), { objectMode: false });
    const unwatch = whileAdmitted(ctx, () => body.destroy(new Error('the client is not admitted any more')));
    const watch = setInterval(() => {
      if (performance.now() - (offer.sinceMs ?? Infinity) > this.#stalledMaxMs)
        body.destroy(new Error('the client has stopped reading'));
    }, this.#stalledMaxMs / 4).unref();
    const cut = (): unknown => body.destroy();
    // While an earlier request on the same connection is unanswered, only the socket tells that the client has gone.
    const { socket } = ctx.req;
    socket.once('close', cut);
    body.once('close', () => {
      unwatch();
      clearInterval(watch);
      socket.off('close', cut);
      // Closed here and not by `startingWith`, which may never have been started.
      void Promise.resolve(iterator.return?.()).finally(leave);
    });
    body.once('error', (error) => {
      logOf(ctx).warn({ err: error }, 'an export ended early');
      ctx.res.destroy();
    });
    ctx.res.once('close', cut);
    if (socket.destroyed) cut();
    ctx.status = 200;
    ctx.type = type === 'text/csv' ? 'text/csv; charset=utf-8' : type;
    ctx.set('cache-control', 'no-store');
    ctx.set('content-disposition', `attachment; filename="${name}.${type === 'text/csv' ? 'csv' : 'parquet'}"`);
    return body;
  }

  /** @returns a function that makes room for the next one */
  #enter(client: string | undefined): () => void {
    if (client !== undefined && this.#clients.has(client))
      throw tooMany('another export for the same token is still running', RETRY_AFTER_MS);
    if (this.#running >= EXPORTS_MAX)
      throw new Failure('unavailable', `${EXPORTS_MAX} exports are running already`, {
        retryAfterSeconds: RETRY_AFTER_MS / 1_000,
      });
    this.#running += 1;
    if (client !== undefined) this.#clients.add(client);
    return () => {
      this.#running -= 1;
      if (client !== undefined) this.#clients.delete(client);
    };
  }
}

/** A chunk that the client has not taken yet. */
interface Offer {
  sinceMs: number | undefined;
}

async function* startingWith(
  first: IteratorResult<string | Uint8Array, unknown>,
  iterator: AsyncIterator<string | Uint8Array>,
  offer: Offer,
): AsyncGenerator<string | Uint8Array> {
  for (let next = first; !next.done; next = await iterator.next()) {
    offer.sinceMs = performance.now();
    yield next.value;
    offer.sinceMs = undefined;
  }
}
