// Changes between processes; each channel plays one process.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FeedBatch, FeedQuestion } from '../../src/live/feed-message.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import { NatsChangeChannel } from '../../src/nats/change-channel.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { eventually } from '../support/eventually.ts';
import { NatsAlone } from '../support/nats-alone.ts';

const K = 0 as Partition;
const QUESTION: FeedQuestion = { all: true, spaceIds: [], epochMin: 0, isRenewal: false, after: null };
const batch = (first: number): FeedBatch => ({
  epoch: 1,
  first,
  items: [{ kind: 'correction', spaceId: 1 as SpaceId, seq: first, fromMs: 0, toMs: 1, cause: 'late' }],
});

let server: NatsAlone;
let [one, other]: NatsHandles[] = [];
beforeAll(async () => {
  server = await NatsAlone.start(1);
  [one, other] = await Promise.all([connectNats(server.url, 'one'), connectNats(server.url, 'other')]);
});
afterAll(async () => {
  await Promise.all([one?.nc.close(), other?.nc.close()]);
  await server?.dispose();
});

it('changes reach subscribers in the same process directly, and in another after it has asked; each once, in order', async () => {
  if (!one || !other) throw new Error('not connected');
  const [owner, relay] = [new NatsChangeChannel(one.nc), new NatsChangeChannel(other.nc)];
  const [here, there, onWire]: [FeedBatch[], FeedBatch[], string[]] = [[], [], []];
  owner.subscribe(K, (some) => here.push(some));
  relay.subscribe(K, (some) => there.push(some));
  other.nc.subscribe('density.changes.>', { callback: (_, { subject }) => void onWire.push(subject) });
  await other.nc.flush();
  owner.publish(K, { epoch: 1, first: 1, items: [] });
  await eventually(() => expect(there).toHaveLength(1));
  owner.publish(K, batch(1));
  expect(here).toEqual([{ epoch: 1, first: 1, items: [] }, batch(1)]);
  owner.serve(K, async () => Promise.resolve({ epoch: 1, n: 1, counts: [], items: [] }));
  // A question from the owner itself does not count as another process.
  await owner.ask(K, QUESTION);
  owner.publish(K, batch(2));
  await relay.ask(K, QUESTION);
  for (const first of [3, 4]) owner.publish(K, batch(first));
  await eventually(() => expect(there.slice(1)).toEqual([batch(3), batch(4)]));
  await one.nc.flush();
  expect(here.slice(1)).toEqual([batch(1), batch(2), batch(3), batch(4)]);
  expect(onWire).toHaveLength(3);
});
