// `density account` against the running service, while its account balances and when it does not: a dead letter
// is removed from the stream, and a router's commit counts a reading that went nowhere.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountCommand } from '../../src/cli/account-command.ts';
import type { Partition } from '../../src/domain/ids.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { NatsSpaceEventsLog } from '../../src/nats/space-events-log.ts';
import { DEAD_LETTERS } from '../../src/nats/streams.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

describe('density account', () => {
  let service: LocalService;
  let nats: NatsHandles;
  beforeAll(async () => {
    service = await startLocalService({ PARTITIONS: '2' });
    nats = await connectNats(service.config.NATS_URL ?? service.service.options.natsUrl, 'test');
    await service.send('POST', '/spaces', { name: 'Hall' });
    await service.send('POST', '/doorways', { name: 'Door', ingress_space_id: 1 });
    await service.send('POST', '/dpus', { id: 'd1', doorway_id: 1 });
    const good = (second: number): object => ({ timestamp: `2024-03-29T12:00:0${second}Z`, direction: 1 });
    await nats.js.publish(
      'dpu.d1.readings',
      JSON.stringify([good(1), good(2), good(2), { timestamp: 'noon', direction: 1 }]),
    );
    await nats.js.publish('dpu.stranger.readings', JSON.stringify(good(3)));
  });
  afterAll(async () => {
    await nats?.nc.close();
    await service?.dispose();
  });

  async function account(): Promise<{ code: number; output: string }> {
    const lines: string[] = [];
    const code = await accountCommand(service.config, { url: service.url }, (line) => lines.push(line));
    return { code, output: lines.join('\n') };
  }

  it('A1 balances, with each reading counted under what became of it', async () => {
    await eventually(async () => {
      const { code, output } = await account();
      expect(output).toContain(
        'accepted 5 = applied 2 + duplicate 1 + held 1 + excluded 0 + deleted 0 + dead-lettered 1',
      );
      expect(code).toBe(0);
    });
  });

  it('A1 leaves no consumer behind', async () => {
    for (let n = 0; n < 3; n++) await account();
    expect((await nats.jsm.streams.info(DEAD_LETTERS)).state.consumer_count).toBe(0);
  });

  it('A1 exits with 1 when a dead letter is missing', async () => {
    await nats.jsm.streams.purge(DEAD_LETTERS);
    const { code, output } = await account();
    expect(code).toBe(1);
    expect(output).toContain('MISSING: remainder 0; of 1 dead-lettered readings, 0 are stored and 0 evicted');
  });

  it('A1 exits with 1 when an accepted reading went nowhere', async () => {
    const events = new NatsSpaceEventsLog(nats.js, nats.jsm);
    // The running router commits, too, so repeat until the forged commit is the last one.
    await eventually(async () => {
      const { seq, header } = await events.lastCommit(0 as Partition);
      if (!header) throw new Error('the router has not committed yet');
      const counters = { ...header.counters, received: header.counters.received + 1 };
      const outcome = await events.commit(
        { ...header, commitId: 'forged', previousSeq: seq, previousReadingsSeq: header.readingsSeq, counters },
        new Map(),
        seq,
      );
      expect(outcome.kind).toBe('committed');
    });
    await eventually(async () => {
      const { code, output } = await account();
      expect(code).toBe(1);
      expect(output).toContain('MISSING: remainder 1');
    });
  });
});
