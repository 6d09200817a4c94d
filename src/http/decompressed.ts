// The body of a request as a stream, decompressed and bounded.
import { finished, pipeline, Transform, type Duplex, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Context } from 'koa';
import { HttpProblem } from './problem.ts';

/**
 * @param bytesMax limit of the decompressed body, beyond which reading fails with a 413 and the detail `tooLarge`. It
 * fails with a 400 if the body cannot be decompressed.
 * @throws HttpProblem 415 for another encoding
 */
export function decompressed(ctx: Context, bytesMax: number, tooLarge: string): Readable {
  const encoding = ctx.get('content-encoding').trim().toLowerCase();
  const decoder =
    encoding === 'gzip'
      ? createGunzip()
      : encoding === 'deflate'
        ? createInflate()
        : encoding === 'br'
          ? createBrotliDecompress()
          : undefined;
  if (!decoder && encoding !== '' && encoding !== 'identity')
    throw new HttpProblem(415, 'the content-encoding must be gzip, deflate, br or identity');
  // Counted after decompression, because a small body may decompress to a huge one.
  let bytes = 0;
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > bytesMax) done(new HttpProblem(413, tooLarge));
      else done(null, chunk);
    },
  });
  // Errors surface where the last stream is read. `pipeline` would also destroy the request, so that the client would
  // see a broken connection instead of the answer.
  const ignore = (): void => undefined;
  const first: Duplex = decoder ?? limit;
  let isCut = false;
  decoder?.once('error', ({ message }) => isCut || limit.destroy(malformed(encoding, message)));
  if (decoder) pipeline(decoder, limit, ignore);
  finished(ctx.req, { writable: false }, (error) => {
    if (!error) return;
    isCut = true;
    first.destroy(error);
  });
  ctx.req.pipe(first);
  return limit;
}

function malformed(encoding: string, message: string): HttpProblem {
  return new HttpProblem(400, `the body is malformed: it is not ${encoding} (${message})`);
}
