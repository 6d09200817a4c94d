// Sends a request unchanged, and reads the whole answer.
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { FuzzRequest } from './request.ts';

const PATIENCE_MS = 60_000;
/** A raw request may be incomplete. If no answer comes within this time, the client closes its sending side. */
const RAW_QUIET_MS = 300;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Decompressed; only the beginning of an event stream. */
  readonly body: string;
}

/** @throws Error if the connection breaks, or no answer comes */
export class Sender {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });
  readonly #host: string;
  readonly #port: number;

  constructor(url: string) {
    this.#host = new URL(url).hostname;
    this.#port = Number(new URL(url).port);
  }

  close(): void {
    this.#agent.destroy();
  }

  async send(given: FuzzRequest): Promise<Answer> {
    const { method, path, headers, body } = given;
    const flat = [
      ['host', `${this.#host}:${this.#port}`],
      ...headers,
      ...(body ? [['content-length', String(body.length)]] : []),
    ].flat();
    return new Promise((resolve, reject) => {
      const to = { host: this.#host, port: this.#port, agent: this.#agent, timeout: PATIENCE_MS };
      const sent = request({ ...to, method, path, headers: flat }, (response) => {
        answerOf(response).then(resolve, reject);
      });
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // The server closed the connection while the request was on its way, so it did not arrive.
        if (error.code === 'ECONNRESET' && sent.reusedSocket) this.send(given).then(resolve, reject);
        else reject(error);
      });
      sent.end(body);
    });
  }

  /** @returns everything received until the connection ends; only the beginning of an endless stream */
  async sendRaw(bytes: Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect({ host: this.#host, port: this.#port, allowHalfOpen: true });
      // Now, and not once it is connected: on a busy machine that may take longer than the server may be quiet.
      socket.write(bytes);
      let quiet = setTimeout(() => socket.end(), RAW_QUIET_MS);
      const late = setTimeout(
        () => socket.destroy(new Error(`no end of the answer within ${PATIENCE_MS} ms`)),
        PATIENCE_MS,
      );
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        answer += chunk;
        clearTimeout(quiet);
        quiet = setTimeout(() => socket.end(), RAW_QUIET_MS);
        if (answer.includes('text/event-stream')) socket.destroy();
      });
      // A reset may follow a refusal before everything was sent.
      socket.on('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ECONNRESET' || error.code === 'EPIPE' ? undefined : reject(error),
      );
      socket
        .on('end', () => socket.end())
        .on('close', () => {
          clearTimeout(quiet);
          clearTimeout(late);
          resolve(answer);
        });
    });
  }
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const { statusCode: status = 0, headers } = response;
  const chunks: Buffer[] = [];
  const isStream = headers['content-type']?.startsWith('text/event-stream') === true;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    // Leaving the loop ends the response and its connection.
    if (isStream) break;
  }
  return { status, headers, body: decoded(Buffer.concat(chunks), headers['content-encoding']).toString('utf8') };
}

function decoded(bytes: Buffer, encoding: string | undefined): Buffer {
  if (bytes.length === 0) return bytes;
  switch (encoding) {
    case undefined:
    case 'identity':
      return bytes;
    case 'gzip':
      return gunzipSync(bytes);
    case 'deflate':
      return inflateSync(bytes);
    case 'br':
      return brotliDecompressSync(bytes);
    default:
      throw new Error(`the answer is in the encoding ${encoding}`);
  }
}
