// Streams that cannot be created or changed, and a server without them: each is reported with what to change.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectNats } from '../../src/nats/connect.ts';
import { createStreams, DEAD_LETTERS, READINGS } from '../../src/nats/streams.ts';
import { NatsAlone } from '../support/nats-alone.ts';

const PARTITIONS = 2;

describe('streams', () => {
  let alone: NatsAlone;
  beforeEach(async () => {
    alone = await NatsAlone.start(PARTITIONS);
  });
  afterEach(async () => alone.dispose());

  it('are refused if another stream has their subjects', async () => {
    const { jsm } = alone.nats;
    await jsm.streams.delete(DEAD_LETTERS);
    await jsm.streams.add({ name: 'OTHER', subjects: ['dead.letters'] });
    await expect(createStreams(jsm, PARTITIONS, 1)).rejects.toThrow('subjects overlap with an existing stream');
    expect((await jsm.streams.info('OTHER')).config.subjects).toEqual(['dead.letters']);
  });

  it('of an earlier version are refused if another stream has the subjects that they would get', async () => {
    const { jsm } = alone.nats;
    await jsm.streams.update(READINGS, { subjects: ['dpu.*.readings'] });
    await jsm.streams.add({ name: 'OTHER', subjects: ['dpu.*.status'] });
    await expect(createStreams(jsm, PARTITIONS, 1)).rejects.toThrow(
      /^stream READINGS cannot be given the settings of this version: .*overlap/,
    );
  });

  it('are refused a share that the server does not have', async () => {
    const readings = 2 ** 60;
    await expect(createStreams(alone.nats.jsm, PARTITIONS, 1, { readings })).rejects.toThrow(
      `stream READINGS cannot be given ${readings} bytes of the NATS server's store (NATS_STORE_MAX)`,
    );
  });
});

describe('a server without JetStream', () => {
  let server: ChildProcess | undefined;
  afterEach(async () => {
    if (!server) return;
    server.kill('SIGTERM');
    await once(server, 'exit');
  });

  it('is refused by its URL', async () => {
    const child = spawn(process.env['NATS_SERVER_BIN'] ?? 'nats-server', ['-a', '127.0.0.1', '-p', '-1'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    server = child;
    let url = '';
    for await (const line of createInterface({ input: child.stderr })) {
      const port = /Listening for client connections on \S+:(\d+)/.exec(line)?.[1];
      if (port === undefined) continue;
      url = `nats://127.0.0.1:${port}`;
      break;
    }
    child.stderr.resume();
    await expect(connectNats(url, 'test')).rejects.toThrow(
      `the NATS server at ${url} has no JetStream enabled (NATS_URL)`,
    );
  });
});
