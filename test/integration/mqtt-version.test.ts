// Which versions of MQTT are spoken: the pages that a device maker reads say what nats-server does.
import { readFile } from 'node:fs/promises';
import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configTable } from '../../src/config.ts';
import { NatsAlone } from '../support/nats-alone.ts';

let alone: NatsAlone;
beforeAll(async () => {
  alone = await NatsAlone.start(1);
});
afterAll(async () => alone?.dispose());

const connected = async (protocolVersion: 4 | 5): Promise<string> =>
  new Promise((resolve) => {
    const client = mqtt.connect(`mqtt://127.0.0.1:${alone.mqttPort}`, { protocolVersion, reconnectPeriod: 0 });
    // The first of these says what happened.
    const end = (outcome: string): void => {
      resolve(outcome);
      client.end(true);
    };
    client.once('connect', () => end('connected'));
    client.once('error', ({ message }) => end(message));
    client.once('close', () => end('closed'));
  });

it('an MQTT 3.1.1 client is accepted, and an MQTT 5 client refused', async () => {
  expect(await connected(4)).toBe('connected');
  expect(await connected(5)).toContain('Unacceptable protocol version');
});

it.each(['README.md', 'docs/devices.md'])('%s says so beside the topic', async (page) => {
  const text = await readFile(new URL(`../../${page}`, import.meta.url), 'utf8');
  expect(text).toMatch(/\*\*MQTT 3\.1\.1 only/);
  expect(text).toContain('"Unacceptable protocol version"');
  expect(configTable()).toContain('MQTT 3.1.1 only');
});
