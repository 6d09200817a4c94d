// Who may connect to NATS, and the commands that make and revoke credentials, on a real server with the configuration
// of deploy/nats.
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type Account, decode, encodeAccount } from '@nats-io/jwt';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  densityToken,
  dpuCredentials,
  publicKeyOf,
  seedsOf,
  serviceCredentials,
  systemCredentials,
} from '../../src/nats/credentials.ts';
import { hasDevicesAccount } from '../../src/nats/mqtt-messages.ts';
import { pushRevocations } from '../../src/nats/revocations.ts';
import { createStreams } from '../../src/nats/streams.ts';
import { eventually } from '../support/eventually.ts';
import { environmentOf, startSecuredNats, type SecuredNats } from '../support/secured-nats.ts';
import { mayPublish } from '../support/nats-rights.ts';

let nats: SecuredNats;
let service: NatsConnection;

beforeAll(async () => {
  nats = await startSecuredNats();
  const admin = await nats.connect(await serviceCredentials(nats.keyring, 'admin'));
  await createStreams(await jetstreamManager(admin), 2, 1);
  await admin.close();
  service = await nats.connect(await serviceCredentials(nats.keyring, 'service'));
});

afterAll(async () => {
  await service?.close();
  await nats?.stop();
});

describe('access to NATS', () => {
  test('is refused without credentials, with a guessed key, with the MQTT password over NATS, or after expiry', async () => {
    const forged = (await serviceCredentials(nats.keyring, 'service')).replace(
      /(SEED-----\s+)\S+/,
      '$1SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4',
    );
    const expired = await dpuCredentials(nats.keyring, '7', Math.floor(Date.now() / 1_000) - 60);
    for (const credentials of [undefined, forged, expired]) await expect(nats.connect(credentials)).rejects.toThrow();
  });

  test('is not extended by a DPU id that looks like another subject', async () => {
    for (const id of ['', 'a b']) await expect(dpuCredentials(nats.keyring, id), id).rejects.toThrow('id must be');
    for (const [id, token] of [
      ['*', '=2A'],
      ['>', '=3E'],
      ['7.readings', '7=2Ereadings'],
      ['{{name()}}', '=7B=7Bname=28=29=7D=7D'],
    ] as const) {
      const device = await nats.connect(await dpuCredentials(nats.keyring, id), `_INBOX_dpu.${token}`);
      expect([id, await mayPublish(device, `dpu.${token}.readings`)]).toEqual([id, true]);
      for (const other of ['dpu.7.readings', `dpu.${id.replaceAll(/[*>]/g, 'x')}.readings`])
        expect([id, other, await mayPublish(device, other)]).toEqual([id, other, false]);
      await device.close();
    }
  });

  test('of the system user shows servers, but no readings', async () => {
    const system = await nats.connect(await systemCredentials(nats.keyring));
    expect((await system.request('$SYS.REQ.SERVER.PING', '', { timeout: 60_000 })).json()).toMatchObject({
      server: { name: 'test' },
    });
    const heard: string[] = [];
    system.subscribe('dpu.>', { callback: (_error, message) => void heard.push(message.subject) });
    await system.flush();
    const dpu = await nats.connect(await dpuCredentials(nats.keyring, '7'), '_INBOX_dpu.7');
    await jetstream(dpu).publish('dpu.7.readings', '{}');
    await dpu.close();
    await system.flush();
    expect(heard).toEqual([]);
    await system.close();
  });

  test('ends at once when credentials are revoked, and new credentials of the same DPU work', async () => {
    const credentials = await dpuCredentials(nats.keyring, '13');
    const stolen = await nats.connect(credentials);
    const system = await nats.connect(await systemCredentials(nats.keyring));
    await pushRevocations(system, nats.keyring, { [publicKeyOf(credentials)]: Math.floor(Date.now() / 1_000) + 1 });
    await system.close();
    await stolen.closed();
    await expect(nats.connect(credentials)).rejects.toThrow();
    const fresh = await nats.connect(await dpuCredentials(nats.keyring, '13'), '_INBOX_dpu.13');
    expect((await jetstream(fresh).publish('dpu.13.readings', '{}')).stream).toBe('READINGS');
    await fresh.close();
  });
});

test('is configured for one of three nodes in a way that the server accepts', async () => {
  const path = (name: string): string => join(nats.dir, name);
  const { stderr } = await promisify(execFile)(
    process.env['NATS_SERVER_BIN'] ?? 'nats-server',
    ['-t', '-c', path('nats-cluster.conf')],
    { env: environmentOf(path) },
  );
  expect(stderr).toContain('is valid');
});

test('is set up by `density nats`: keys once, credentials for one DPU, and their revocation on the servers', async () => {
  const keys = join(nats.dir, 'keys');
  const run = (args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ stdout: string }> =>
    promisify(execFile)(process.execPath, ['bin/density.js', 'nats', ...args, '--keys', keys], {
      env: { ...process.env, ...env },
    });
  await run(['init']);
  expect((await readdir(keys)).sort()).toEqual([
    'accounts.conf',
    'admin.creds',
    'keyring.json',
    'service.creds',
    'system.creds',
  ]);
  expect((await stat(join(keys, 'keyring.json'))).mode & 0o077).toBe(0);
  await expect(run(['init'])).rejects.toThrow('already contains keys');
  // The server of this test trusts other keys.
  await writeFile(join(keys, 'keyring.json'), JSON.stringify(seedsOf(nats.keyring)));
  await writeFile(join(keys, 'system.creds'), await systemCredentials(nats.keyring));
  const { stdout: credentials } = await run(['dpu', '21', '--days', '1']);
  const device = await nats.connect(credentials, '_INBOX_dpu.21');
  expect((await jetstream(device).publish('dpu.21.readings', '{}')).stream).toBe('READINGS');
  await writeFile(join(keys, '21.creds'), credentials);
  await run(['revoke', join(keys, '21.creds')], { NATS_URL: nats.url, NATS_CA_FILE: nats.caFile });
  await device.closed();
});

test('is updated by `density nats update` to the rights of this version, and revoked credentials stay revoked', async () => {
  const keys = join(nats.dir, 'keys-of-before');
  await mkdir(keys);
  const credentials = await dpuCredentials(nats.keyring, '22');
  await writeFile(join(keys, 'keyring.json'), JSON.stringify(seedsOf(nats.keyring)));
  await writeFile(join(keys, 'system.creds'), await systemCredentials(nats.keyring));
  await writeFile(
    join(keys, 'revoked.json'),
    JSON.stringify({ [publicKeyOf(credentials)]: Math.floor(Date.now() / 1_000) + 1 }),
  );
  const { nats: account } = decode<Account>(await densityToken(nats.keyring));
  const before = await encodeAccount(
    'DENSITY',
    nats.keyring.density,
    { ...account, imports: [] },
    { signer: nats.keyring.operator },
  );
  const system = await nats.connect(await systemCredentials(nats.keyring));
  await system.request('$SYS.REQ.CLAIMS.UPDATE', before, { timeout: 60_000 });
  await system.close();
  await eventually(async () => expect(await hasDevicesAccount(service)).toBe(false));
  await promisify(execFile)(process.execPath, ['bin/density.js', 'nats', 'update', '--keys', keys], {
    env: { ...process.env, NATS_URL: nats.url, NATS_CA_FILE: nats.caFile },
  });
  await eventually(async () => expect(await hasDevicesAccount(service)).toBe(true));
  expect(await readFile(join(keys, 'accounts.conf'), 'utf8')).toContain(nats.keyring.devices.getPublicKey());
  await expect(nats.connect(credentials)).rejects.toThrow();
});
