// Reads and discards the rest of a refused body before the answer is sent. Many clients read the answer only after
// they have sent everything, and would otherwise see a broken connection.
import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';

/** Beyond either limit the answer is sent and the connection closed. */
const DISCARDED_BYTES_MAX = 200_000_000;
const DISCARDED_MS_MAX = 30_000;

export function discardUnread(): Middleware {
  return async ({ req }, next) => {
    await next();
    if (!req.complete && !req.destroyed) await discard(req);
  };
}

async function discard(request: IncomingMessage): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    let bytes = 0;
    timer = setTimeout(resolve, DISCARDED_MS_MAX);
    // A consumer that has stopped, or is about to stop, would pause the request.
    request
      .unpipe()
      .once('end', resolve)
      .once('close', resolve)
      .on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > DISCARDED_BYTES_MAX) resolve();
      })
      .resume();
  });
  clearTimeout(timer);
}
