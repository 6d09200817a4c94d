// A flipped bit in TOPOLOGY, where no checksum of nats-server reaches: the log is not read past an entry that is missing
// or has other bytes, and the error says what to do.
import { afterEach, expect, it } from 'vitest';
import type { TopologyEntry, TopologyFact } from '../../src/domain/topology.ts';
import { connectNats } from '../../src/nats/connect.ts';
import { NatsTopologyLog } from '../../src/nats/topology-log.ts';
import { flipHeadersLengthBit } from '../support/damage.ts';
import { NatsAlone } from '../support/nats-alone.ts';
import { spaceCalled } from '../support/space-called.ts';

const FACTS: readonly TopologyFact[] = [1, 2, 3].map((id) => ({
  kind: 'space',
  doc: spaceCalled(`space ${id}`, id),
}));
let server: NatsAlone | undefined;
afterEach(async () => server?.dispose());

it.each([
  ['newest', 1, 3, 'nats-server holds entry 3 and does not return it'],
  ['oldest', 1, 1, 'nats-server holds entry 1 and does not return it'],
  ['newest', 0, 3, 'nats-server returns entry 3 with other bytes than were stored'],
  ['oldest', 0, 1, 'nats-server returns entry 1 with other bytes than were stored'],
] as const)('the %s entry, bit of byte %i', async (which, byte, seq, what) => {
  server = await NatsAlone.start(1);
  const before = new NatsTopologyLog(server.nats.js);
  for (const [n, fact] of FACTS.entries()) await before.append(fact, n);
  const start = await server.kill();
  await flipHeadersLengthBit(server.natsFolder, 'TOPOLOGY', which, byte);
  await start();
  const { nc, js } = await connectNats(server.url, 'test');
  const log = new NatsTopologyLog(js);
  try {
    for (const other of [1, 2, 3, 4].filter((each) => each !== seq)) expect(await log.damageAt(other)).toBe(undefined);
    expect(await log.damageAt(seq)).toContain(what);
    expect(await log.damageAt(seq)).toContain('move all .blk files of TOPOLOGY out of its store');
    expect(await log.at(seq)).toBe(undefined);
    const cursor = await log.open(0);
    const read: TopologyEntry[] = [];
    while (read.length < seq - 1) read.push(...(await cursor.next()));
    expect(read.map(({ fact }) => fact)).toEqual(FACTS.slice(0, seq - 1));
    // Nothing tells a reader about a newest entry that is not returned, except the end of the log.
    if (which === 'oldest' || byte === 0) await expect(cursor.next()).rejects.toThrow(what);
    else expect(await log.lastSeq()).toBe(3);
    await cursor.close();
  } finally {
    await nc.close();
  }
});

it('entries that were removed are not asked for one by one', async () => {
  server = await NatsAlone.start(1);
  const { nc, js, jsm } = server.nats;
  const log = new NatsTopologyLog(js);
  const last = 200;
  for (let n = 0; n < last; n++) await log.append({ kind: 'space', doc: spaceCalled(`space ${n}`, n + 1) }, n);
  await jsm.streams.purge('TOPOLOGY', { seq: last });
  let requests = 0;
  nc.subscribe('$JS.API.STREAM.*.>', { callback: () => void (requests += 1) });
  const cursor = await log.open(0);
  expect((await cursor.next()).map(({ seq }) => seq)).toEqual([last]);
  await cursor.close();
  await nc.flush();
  expect(requests).toBeLessThan(10);
});
