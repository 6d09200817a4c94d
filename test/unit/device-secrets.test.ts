// Comparing a secret is slow on purpose, so it must not be a way to keep the service busy.
import { expect, it } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import type { Device } from '../../src/domain/topology.ts';
import { DeviceSecrets, hashedSecret } from '../../src/http/auth/device-secrets.ts';

it('compares few wrong secrets at a time, and refuses the rest, while a device that is known goes on', async () => {
  const id = 'shop' as DpuId;
  const secret = await hashedSecret('the-secret-of-the-shop');
  const device: Device = { id, adapter: 'xovis', options: null, secret, createdMs: 0, updatedMs: 0, deleted: false };
  const secrets = new DeviceSecrets((of) => (of === id ? device : undefined));
  const right = { device: 'shop', token: 'the-secret-of-the-shop' };
  expect(await secrets.verify(right)).toMatchObject({ device: id });
  const guesses = Array.from({ length: 200 }, async (_, n) => secrets.verify({ device: 'shop', token: `guess-${n}` }));
  const settled = Promise.allSettled(guesses);
  expect(await secrets.verify(right)).toMatchObject({ device: id });
  const refused = (await settled).filter(({ status }) => status === 'rejected');
  expect(refused.length).toBeGreaterThan(100);
  expect(refused[0]).toMatchObject({ reason: { kind: 'unavailable' } });
});
