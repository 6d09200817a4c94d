// P1: displays are stored alike in memory and on nats-server, where the service has only the permissions of its role.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SpaceId } from '../../src/domain/ids.ts';
import { NatsDisplayStore } from '../../src/nats/display-store.ts';
import type { DisplayStore, PairedDisplay, PendingDisplay } from '../../src/ports/displays.ts';
import { eventually } from '../support/eventually.ts';
import { MemoryDisplays } from '../support/memory-displays.ts';
import { storesOf, type OpenedStore } from '../support/stores-on-nats.ts';

const screen = (id: string) => ({ id, spaceId: 7 as SpaceId, secretHash: `hash of ${id}` });
const paired = (id: string): PairedDisplay => ({ ...screen(id), name: null, pairedMs: 1, pairedBy: 'token:ann' });
const pending = (id: string): PendingDisplay => ({ ...screen(id), code: 'BCDFGH', expiresMs: 2 });
const ids = (all: readonly { readonly id: string }[]): string[] => all.map(({ id }) => id).sort();

const STORES = storesOf<DisplayStore>(
  () => new MemoryDisplays(),
  (js) => new NatsDisplayStore(js, 1),
);

describe.each(STORES)('displays %s', (_, open) => {
  let opened: OpenedStore<DisplayStore>;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(async () => opened?.close());

  it('begins empty', async () => {
    const { store } = opened;
    expect([await store.paired('a'), await store.pending('a')]).toEqual([undefined, undefined]);
    expect([await store.allPaired(), await store.allPending()]).toEqual([[], []]);
  });

  it('keeps pairings, for all processes', async () => {
    const { store, other } = opened;
    expect([await store.pair(paired('a')), await store.pair(paired('b'))]).toEqual([true, true]);
    expect(await other.pair({ ...paired('a'), name: 'changed' })).toBe(false);
    await eventually(async () => expect(await other.paired('a')).toEqual(paired('a')));
    await eventually(async () => expect(ids(await other.allPaired())).toEqual(['a', 'b']));
    await other.unpair('a');
    await eventually(async () => expect(await store.paired('a')).toBeUndefined());
    expect(ids(await store.allPaired())).toEqual(['b']);
    await store.unpair('nobody');
    expect(await store.pair(paired('a'))).toBe(true);
  });

  it('forgets displays that were not confirmed in time', async () => {
    const { store, other } = opened;
    await store.addPending(pending('c'), 1_000);
    await store.addPending(pending('d'), 600_000);
    await eventually(async () => expect(await other.pending('d')).toEqual(pending('d')));
    await eventually(async () => expect(ids(await other.allPending())).toEqual(['d']));
    expect(await store.pending('c')).toBeUndefined();
    await other.removePending('d');
    await eventually(async () => expect(await store.allPending()).toEqual([]));
    expect(ids(await store.allPaired())).toEqual(['a', 'b']);
  });
});
