// What the ports throw while nats-server is down: the API answers 503 to it (src/http/middleware/problems.ts).
import { afterEach, expect, it } from 'vitest';
import { NatsDeadLetters } from '../../src/nats/dead-letters.ts';
import { NatsReadingsLog } from '../../src/nats/readings-log.ts';
import { NatsSpaceEventsLog } from '../../src/nats/space-events-log.ts';
import { isUnanswered } from '../../src/nats/unanswered.ts';
import type { Partition } from '../../src/domain/ids.ts';
import { NatsAlone } from '../support/nats-alone.ts';

let server: NatsAlone | undefined;
afterEach(async () => server?.dispose());

it('every request that nats-server does not answer is recognised as unanswered', async () => {
  server = await NatsAlone.start(1);
  const { nc, js, jsm } = server.nats;
  const deadLetters = new NatsDeadLetters(js, jsm);
  expect(await deadLetters.newest(1)).toEqual([]);
  const start = await server.kill();
  const questions = [
    deadLetters.newest(1),
    deadLetters.count(),
    deadLetters.content({ reason: 'bad_json', readingsSeq: 1, index: 0, arrivedMs: 0 }),
    new NatsReadingsLog(nc, js, jsm).bounds(),
    new NatsSpaceEventsLog(js, jsm).lastCommit(0 as Partition),
  ];
  for (const question of await Promise.allSettled(questions)) {
    const reason: unknown = question.status === 'rejected' ? question.reason : 'it was answered';
    expect(isUnanswered(reason), String(reason)).toBe(true);
  }
  await start();
});
