// What a client goes on sending after its answer is certain is read and thrown away, and then it is answered: many clients read the
// answer only when they have sent everything, and would see a connection that broke instead.
import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';

/** Beyond either the answer is given, and the connection closed. */
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
    // Whatever it was written to may be gone already, or go in a moment, and would pause it.
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
