import { once } from 'node:events';
import { Agent, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { listen, type HttpServer } from '../../src/http/server.ts';

it('stops although a client keeps sending requests over one connection', async () => {
  let stopped: Promise<void> | undefined;
  // The server is stopped while a request is in flight, so its connection is not idle, and never becomes idle.
  const handle = (_request: IncomingMessage, response: ServerResponse): void => {
    stopped ??= server.stop();
    response.end('answered');
  };
  const server: HttpServer = await listen(handle, '127.0.0.1', 0, pino({ level: 'silent' }));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async (): Promise<void> => {
    const [response] = (await once(get({ port: server.port, agent }), 'response')) as [IncomingMessage];
    await once(response.resume(), 'end');
  };
  let isAsking = true;
  try {
    const refused = (async () => {
      while (isAsking) await ask();
      throw new Error('still answered after 10 s');
    })();
    const timer = setTimeout(() => (isAsking = false), 10_000);
    await expect(refused).rejects.toThrow('ECONNREFUSED');
    clearTimeout(timer);
    await stopped;
  } finally {
    agent.destroy();
  }
}, 30_000);

it('stops although an answer does not end', async () => {
  const limits = { requestMaxMs: 60_000, headersMaxMs: 60_000, checkMs: 30_000, keepAliveMs: 5_000, stopMaxMs: 100 };
  const log = pino({ level: 'silent' });
  const server = await listen((_request, response) => void response.write('a part'), '127.0.0.1', 0, log, limits);
  const [response] = (await once(get({ port: server.port }), 'response')) as [IncomingMessage];
  const cut = once(response, 'error');
  response.resume();
  await server.stop();
  expect(await cut).toMatchObject([{ message: 'aborted' }]);
}, 30_000);

it('stops although a client has a connection over which it has sent nothing', async () => {
  const limits = { requestMaxMs: 60_000, headersMaxMs: 60_000, checkMs: 30_000, keepAliveMs: 5_000, stopMaxMs: 60_000 };
  const log = pino({ level: 'silent' });
  const server = await listen((_request, response) => void response.end(), '127.0.0.1', 0, log, limits);
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  // Connections are accepted in order.
  const [response] = (await once(get({ port: server.port, agent: false }), 'response')) as [IncomingMessage];
  await once(response.resume(), 'end');
  const closed = once(socket, 'close');
  socket.on('error', () => undefined);
  await server.stop();
  await closed;
}, 30_000);
