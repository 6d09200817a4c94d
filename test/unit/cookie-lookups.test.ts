// What invented cookies of displays cost: lookups of one address are bounded, and those of paired displays are not.
import { randomBytes } from 'node:crypto';
import { beforeEach, expect, it } from 'vitest';
import type { SpaceId } from '../../src/domain/ids.ts';
import { CookieLookups } from '../../src/http/auth/cookie-lookups.ts';
import { Displays, DISPLAYS_MAX, type DisplayCredential } from '../../src/http/auth/displays.ts';
import { PairingLimits, UNKNOWN_COOKIES_MAX } from '../../src/http/auth/pairing-limits.ts';
import type { PairedDisplay } from '../../src/ports/displays.ts';
import { MemoryDisplays } from '../support/memory-displays.ts';

const HALL = 1 as SpaceId;
let store: CountingDisplays;
let displays: Displays;
let lookups: CookieLookups;

class CountingDisplays extends MemoryDisplays {
  reads = 0;
  isUnavailable = false;

  override async paired(id: string): Promise<PairedDisplay | undefined> {
    this.reads += 1;
    if (this.isUnavailable) throw new Error('NATS is unavailable');
    return super.paired(id);
  }
}

beforeEach(() => {
  store = new CountingDisplays();
  displays = new Displays(() => store, Date.now);
  lookups = new CookieLookups(displays, new PairingLimits());
});

const invented = (): DisplayCredential =>
  `${randomBytes(12).toString('base64url')}.${randomBytes(32).toString('base64url')}`;

async function pairedDisplay(): Promise<{ credential: DisplayCredential; id: string }> {
  const { credential, pending } = await displays.begin(HALL);
  await displays.confirm(pending, null, null);
  return { credential, id: pending.id };
}

async function exhaust(address: string): Promise<void> {
  for (let n = 0; n < UNKNOWN_COOKIES_MAX; n++) expect(await lookups.paired(invented(), HALL, address)).toBeUndefined();
}

it('invented cookies of one address take a bounded number of reads, also those that are sent at once', async () => {
  const sent = await Promise.allSettled(
    Array.from({ length: UNKNOWN_COOKIES_MAX + 500 }, async () => lookups.paired(invented(), HALL, '10.0.0.1')),
  );
  expect(sent.filter(({ status }) => status === 'rejected')).toHaveLength(500);
  expect(store.reads).toBe(UNKNOWN_COOKIES_MAX);
  await expect(lookups.paired(invented(), HALL, '10.0.0.1')).rejects.toMatchObject({ status: 429 });
  expect(await lookups.paired(invented(), HALL, '10.0.0.2')).toBeUndefined();
  expect(store.reads).toBe(UNKNOWN_COOKIES_MAX + 1);
});

it('what has not the form of a cookie takes none', async () => {
  let before = 0;
  for (const text of [undefined, '', 'x', `${invented()}x`])
    expect(await lookups.paired(text, HALL, '10.0.0.1', async () => void (before += 1))).toBeUndefined();
  expect([store.reads, before]).toEqual([0, 0]);
});

it('a display gets in as soon as it is paired, and as often as it asks, until it is removed', async () => {
  const { credential, pending } = await displays.begin(HALL);
  expect(await lookups.paired(credential, HALL, '10.0.0.1')).toBeUndefined();
  await displays.confirm(pending, null, null);
  const principal = { name: `display:${pending.id}` };
  expect(await lookups.paired(credential, HALL, '10.0.0.1')).toMatchObject(principal);
  await exhaust('10.0.0.2');
  for (let n = 0; n < 2 * UNKNOWN_COOKIES_MAX; n++)
    expect(await lookups.paired(credential, HALL, '10.0.0.2')).toMatchObject(principal);
  // Another process knows nothing of it.
  const other = new CookieLookups(displays, new PairingLimits());
  expect(await other.paired(credential, HALL, '10.0.0.1')).toMatchObject(principal);
  await displays.remove(pending.id);
  for (const each of [lookups, other]) expect(await each.paired(credential, HALL, '10.0.0.1')).toBeUndefined();
  await expect(lookups.paired(credential, HALL, '10.0.0.2')).rejects.toMatchObject({ status: 429 });
});

it('all displays behind one address get in at once after a restart', async () => {
  const credentials = [];
  for (let n = 0; n < DISPLAYS_MAX; n++) credentials.push((await pairedDisplay()).credential);
  const admitted = await Promise.all(credentials.map(async (each) => lookups.paired(each, HALL, '10.0.0.1')));
  expect(admitted.filter((each) => each === undefined)).toEqual([]);
  // None of them counts.
  await exhaust('10.0.0.1');
});

it('what NATS does not answer does not count', async () => {
  const { credential } = await pairedDisplay();
  store.isUnavailable = true;
  for (let n = 0; n < 2 * UNKNOWN_COOKIES_MAX; n++)
    await expect(lookups.paired(credential, HALL, '10.0.0.1')).rejects.toThrow('NATS is unavailable');
  store.isUnavailable = false;
  expect(await lookups.paired(credential, HALL, '10.0.0.1')).toBeDefined();
});
