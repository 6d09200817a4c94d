// Pairing displays: who gets in, for how long a code lasts, and what bounds them.
import { beforeEach, describe, expect, it } from 'vitest';
import type { SpaceId } from '../../src/domain/ids.ts';
import { codeIn, Displays, DISPLAYS_MAX, PENDING_MAX, PENDING_MS, shownCode } from '../../src/http/auth/displays.ts';
import { NEW_CODES_MAX, PairingLimits, WRONG_CODES_MAX } from '../../src/http/auth/pairing-limits.ts';
import { MemoryDisplays } from '../support/memory-displays.ts';

const [HALL, CAFE] = [1 as SpaceId, 2 as SpaceId];
let store: MemoryDisplays;
let nowMs: number;
let displays: Displays;

beforeEach(() => {
  [store, nowMs] = [new MemoryDisplays(), 1_000_000];
  displays = new Displays(
    () => store,
    () => nowMs,
  );
});

it('is paired by the first of two people who confirm its code at the same moment', async () => {
  const { pending } = await displays.begin(HALL);
  const first = await displays.confirm(pending, 'Entrance', 'token:ann');
  expect(await displays.confirm(pending, 'Door', 'token:bob')).toEqual(first);
  expect(await displays.list()).toEqual([first]);
});

it('lets a display in once its code is confirmed, to its own space, until it is removed', async () => {
  const { credential, pending } = await displays.begin(HALL);
  expect(await displays.verify(credential, HALL)).toBeUndefined();
  expect(await displays.find(pending.code)).toEqual(pending);
  const display = await displays.confirm(pending, 'Entrance', 'token:ann');
  expect(await displays.verify(credential, HALL)).toEqual({
    ...{ name: `display:${display.id}`, scopes: [], expiresAtMs: undefined, display: HALL },
  });
  expect(await displays.verify(credential, CAFE)).toBeUndefined();
  expect([await displays.find(pending.code), await displays.pending(credential, HALL)]).toEqual([undefined, undefined]);
  await displays.remove(display.id);
  expect(await displays.verify(credential, HALL)).toBeUndefined();
  await expect(displays.remove(display.id)).rejects.toThrow('there is no display');
});

it('lets nobody in with the id, the code, the hash or the secret of another display', async () => {
  const [one, two] = [await displays.begin(HALL), await displays.begin(HALL)];
  for (const { pending } of [one, two]) await displays.confirm(pending, null, null);
  const [id, secret] = one.credential.split('.');
  const [otherId] = two.credential.split('.');
  for (const wrong of [
    `${otherId}.${secret}`,
    `${id}.${one.pending.secretHash}`,
    ...[`${id}.`, `.${secret}`, id, secret, one.pending.code, '', undefined, `${one.credential}x`],
  ])
    expect([wrong, await displays.verify(wrong, HALL)]).toEqual([wrong, undefined]);
});

it('forgets a code after ten minutes, though the store still has it', async () => {
  const { credential, pending } = await displays.begin(HALL);
  nowMs += PENDING_MS - 1;
  expect(await displays.pending(credential, HALL)).toEqual(pending);
  expect(await displays.pending(credential, CAFE)).toBeUndefined();
  nowMs += 1;
  expect([await displays.find(pending.code), await displays.pending(credential, HALL)]).toEqual([undefined, undefined]);
});

it('pairs no display by a code that two of them show', async () => {
  const { pending } = await displays.begin(HALL);
  await store.addPending({ ...pending, id: 'another' }, PENDING_MS);
  expect(await displays.find(pending.code)).toBeUndefined();
});

describe('limits', () => {
  it('the number of displays that wait, without those whose codes have expired', async () => {
    const codes = new Set<string>();
    for (let each = 0; each < PENDING_MAX; each++) codes.add((await displays.begin(HALL)).pending.code);
    expect(codes.size).toBe(PENDING_MAX);
    await expect(displays.begin(HALL)).rejects.toMatchObject({ kind: 'unavailable', retryAfterSeconds: 60 });
    nowMs += PENDING_MS;
    await displays.begin(HALL);
  });

  it('the number of paired displays', async () => {
    const { pending } = await displays.begin(HALL);
    for (let each = 0; each < DISPLAYS_MAX; each++)
      await store.pair({ ...pending, id: String(each), name: null, pairedMs: 0, pairedBy: null });
    await expect(displays.confirm(pending, null, null)).rejects.toMatchObject({ kind: 'conflict' });
  });

  it('the wrong codes of a person, and the new codes of an address', async () => {
    const limits = new PairingLimits();
    for (let each = 0; each < 50; each++) {
      await limits.countCode('ann');
      await limits.forgiveCode('ann');
    }
    for (let each = 0; each < WRONG_CODES_MAX; each++) await limits.countCode('ann');
    await expect(limits.countCode('ann')).rejects.toMatchObject({ status: 429 });
    await limits.countCode('bob');
    for (let each = 0; each < NEW_CODES_MAX; each++) await limits.countNew('10.0.0.1');
    await expect(limits.countNew('10.0.0.1')).rejects.toMatchObject({ status: 429 });
    await limits.countNew('10.0.0.2');
  });
});

it('reads a code as people type it', async () => {
  expect(['bcd-fgh', ' BCD FGH ', 'bcdfgh'].map(codeIn)).toEqual(['BCDFGH', 'BCDFGH', 'BCDFGH']);
  expect(['bcdfg', 'bcdfghj', 'abcdfg', '', 'bcd_fgh'].map(codeIn)).toEqual(Array(5).fill(undefined));
  const { pending } = await displays.begin(HALL);
  expect(codeIn(shownCode(pending.code))).toBe(pending.code);
});
