// Comparing a secret is slow on purpose, so it must not be a way to keep the service busy, nor one to find out which
// devices there are.
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import type { Device } from '../../src/domain/topology.ts';
import {
  DeviceSecrets,
  hashedSecret,
  type DeviceCredentials,
  type SlowHash,
} from '../../src/http/auth/device-secrets.ts';
import { WRONG_OF_ADDRESS_MAX, WRONG_OF_DEVICE_MAX } from '../../src/http/auth/wrong-secrets.ts';
import { eventually } from '../support/eventually.ts';
import { ManualTiming } from '../support/manual-timing.ts';

const ADDRESS = '192.0.2.1';
const MAC = '00:6E:02:01:02:03';
const secretOf = (id: string): string => `the-secret-of-${id}`;

/** As fast as a test needs, and counted. */
let hashes: number;
const hash: SlowHash = async (secret, salt) => {
  hashes += 1;
  return createHash('sha256').update(salt).update(secret).digest();
};

function deviceCalled(id: string, hasSecret = true): Device {
  const salt = Buffer.from(id).toString('base64url');
  const digest = createHash('sha256').update(id).update(secretOf(id)).digest('base64url');
  const device: Device = {
    id: id as DpuId,
    adapter: 'xovis',
    options: null,
    createdMs: 0,
    updatedMs: 0,
    deleted: false,
  };
  return hasSecret ? { ...device, secret: { salt, hash: digest } } : device;
}

const OTHERS = Array.from({ length: 200 }, (_, n) => `other-${n}`);
const DEVICES = new Map<string, Device>([
  ...['shop', 'gate', MAC, ...OTHERS].map((id) => [id, deviceCalled(id)] as const),
  ['open', deviceCalled('open', false)],
]);

let timing: ManualTiming;
let secrets: DeviceSecrets;
beforeEach(() => {
  hashes = 0;
  timing = new ManualTiming();
  secrets = new DeviceSecrets((id) => DEVICES.get(id), { hash, timing });
});

/** Asks as a client does: by a bearer token, with the device in the URL. */
const credentialsOf = (device: string, token: string, address = ADDRESS): DeviceCredentials => ({
  address,
  device,
  token,
});
const right = (device: string, address = ADDRESS): DeviceCredentials =>
  credentialsOf(device, secretOf(device), address);

/** What the client gets, and how long after the request by the clock of the process. */
async function answer(credentials: DeviceCredentials): Promise<{ readonly status: string; readonly afterMs: number }> {
  const sinceMs = timing.now();
  const asked = secrets.verify(credentials).then(
    (principal) => (principal ? `is ${principal.device ?? ''}` : 'wrong'),
    (error: { status?: number; kind?: string }) => String(error.status ?? error.kind),
  );
  let status: string | undefined;
  void asked.then((settled) => (status = settled));
  for (let step = 0; step < 500 && status === undefined; step++) await timing.advance(10);
  expect(status).toBeDefined();
  return { status: status ?? '', afterMs: timing.now() - sinceMs };
}
const statusOf = async (credentials: DeviceCredentials): Promise<string> => (await answer(credentials)).status;

async function exhaust(address = ADDRESS): Promise<void> {
  for (let n = 0; n < WRONG_OF_ADDRESS_MAX; n++)
    expect(await statusOf(credentialsOf(`nobody-${n}`, 'a guess', address))).toBe('wrong');
}

describe('wrong secrets', () => {
  it('are not compared after some for one device, while other devices, and other addresses, go on', async () => {
    for (let n = 0; n < WRONG_OF_DEVICE_MAX; n++)
      expect(await statusOf(credentialsOf('shop', `guess ${n}`))).toBe('wrong');
    const compared = hashes;
    for (let n = 0; n < 5; n++) expect(await statusOf(credentialsOf('shop', `another ${n}`))).toBe('429');
    expect(hashes).toBe(compared);
    expect(await statusOf(right('gate'))).toBe('is gate');
    expect(await statusOf(right('shop', '192.0.2.2'))).toBe('is shop');
    // The right secret has been seen once, so wrong guesses by others no longer block it.
    expect(await statusOf(right('shop'))).toBe('is shop');
  });

  it('say when to try again', async () => {
    for (let n = 0; n < WRONG_OF_DEVICE_MAX; n++) await secrets.verify(credentialsOf('shop', `guess ${n}`));
    const refused = secrets.verify(credentialsOf('shop', 'a guess'));
    await expect(refused).rejects.toMatchObject({
      status: 429,
      headers: { 'retry-after': expect.stringMatching(/^(59|60)$/) as string },
    });
  });

  it('for devices that do not exist are no longer compared after some, and stop no device that has a secret', async () => {
    await exhaust();
    const compared = hashes;
    for (let n = 0; n < 20; n++) expect(await statusOf(credentialsOf(`invented-${n}`, 'a guess'))).toBe('429');
    expect(hashes).toBe(compared);
    for (const device of OTHERS) expect(await statusOf(right(device))).toBe(`is ${device}`);
  });

  it('of a device are compared once beyond the limit of the address', async () => {
    await exhaust();
    const compared = hashes;
    for (let n = 0; n < 5; n++) expect(await statusOf(credentialsOf('shop', `guess ${n}`))).toBe('429');
    expect(hashes).toBe(compared + 1);
  });

  it('do not count if they turn out to be right', async () => {
    for (let n = 0; n < 3 * WRONG_OF_ADDRESS_MAX; n++) {
      const device = OTHERS[n] ?? '';
      expect(await statusOf(right(device))).toBe(`is ${device}`);
    }
    expect(await statusOf(credentialsOf('nobody', 'a guess'))).toBe('wrong');
  });

  it('that are sent at once cannot pass the limit together', async () => {
    const guesses = Array.from({ length: 200 }, async (_, n) => secrets.verify(credentialsOf('shop', `guess ${n}`)));
    void timing.advance(2_000);
    const settled = await Promise.allSettled(guesses);
    expect(settled.filter(({ status }) => status === 'rejected').length).toBeGreaterThanOrEqual(180);
    expect(hashes).toBeLessThanOrEqual(WRONG_OF_DEVICE_MAX + 1);
  });
});

describe('a refusal', () => {
  const NAMES = ['shop', 'open', 'nobody'];

  it('takes as many hashes whether or not the device exists and has a secret', async () => {
    const costs = [];
    for (const name of NAMES) {
      hashes = 0;
      expect(await statusOf(credentialsOf(name, 'a guess'))).toBe('wrong');
      costs.push(hashes);
    }
    expect(costs).toEqual([1, 1, 1]);
    hashes = 0;
    // Any of six user names, of which one is a device.
    expect(await statusOf({ address: ADDRESS, basic: `${MAC}:a guess` })).toBe('wrong');
    expect(await statusOf({ address: ADDRESS, basic: '00:6E:02:01:02:04:a guess' })).toBe('wrong');
    expect(hashes).toBe(12);
  });

  it('comes at the same number of attempts', async () => {
    for (const name of NAMES) {
      const address = `address of ${name}`;
      const statuses = [];
      for (let n = 0; n <= WRONG_OF_DEVICE_MAX; n++)
        statuses.push(await statusOf(credentialsOf(name, `guess ${n}`, address)));
      expect(statuses, name).toEqual([...Array.from({ length: WRONG_OF_DEVICE_MAX }, () => 'wrong'), '429']);
    }
  });

  it('comes after the same time beyond the limit of the address', async () => {
    await exhaust();
    for (const name of NAMES)
      for (let n = 0; n < 2; n++)
        expect(await answer(credentialsOf(name, `guess ${n}`)), name).toEqual({ status: '429', afterMs: 1_000 });
  });

  it('within the limit of the address does not depend on what was compared beyond it', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 0 });
    try {
      await exhaust();
      vi.setSystemTime(50_000);
      for (const name of NAMES) expect(await statusOf(credentialsOf(name, 'a guess'))).toBe('429');
      vi.setSystemTime(61_000);
      for (const name of NAMES) expect(await statusOf(credentialsOf(name, 'another guess')), name).toBe('wrong');
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a right secret', () => {
  it('is compared once for requests at the same time, and with a fast hash from then on', async () => {
    await exhaust();
    hashes = 0;
    const asked = Promise.all(Array.from({ length: 20 }, async () => secrets.verify(right('shop'))));
    // Refusals would wait for that.
    void timing.advance(2_000);
    const answers = await asked;
    expect(answers.map((principal) => principal?.device)).toEqual(Array.from({ length: 20 }, () => 'shop'));
    expect(await statusOf(right('shop'))).toBe('is shop');
    expect(hashes).toBe(1);
  });

  it('is compared no more than with a few others at a time, and refused where too many wait', async () => {
    let finish: () => void = () => undefined;
    const blocked = new DeviceSecrets((id) => DEVICES.get(id), {
      timing,
      hash: async (secret, salt) => {
        await new Promise<void>((resolve) => (finish = resolve));
        return hash(secret, salt);
      },
    });
    const all = Promise.allSettled(OTHERS.map(async (id, n) => blocked.verify(right(id, `address ${n}`))));
    let settled = false;
    void all.then(() => (settled = true));
    await eventually(async () => {
      finish();
      expect(settled).toBe(true);
    });
    const refused = (await all).filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(OTHERS.length - 65);
    expect(refused[0]).toMatchObject({ reason: { kind: 'unavailable' } });
  });
});

it('is hashed with a salt of its own, slowly', async () => {
  const secret = await hashedSecret('the-secret-of-a-shop');
  expect(secret.hash).not.toBe((await hashedSecret('the-secret-of-a-shop')).hash);
  const device: Device = { ...deviceCalled('shop'), secret };
  const real = new DeviceSecrets(() => device);
  expect(await real.verify(credentialsOf('shop', 'the-secret-of-a-shop'))).toMatchObject({ device: 'shop' });
  expect(await real.verify(credentialsOf('shop', 'the-secret-of-a-shoP'))).toBeUndefined();
});
