// How often the room in NATS is checked, how rarely what has expired, and what follows from a failure.
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { memoryPorts, PARTITIONS, type Ports } from '../conformance/ports.ts';
import { Retention } from '../../src/retention/retention.ts';

const MINUTE = 60_000;
const KEPT_MS = 7 * 24 * 60 * MINUTE;

let ports: Ports;
let nowMs: number;
let evictions: number[];
let usages: number[];
let failing: 'usage' | 'evict' | undefined;

beforeAll(async () => (ports = await memoryPorts()));
afterAll(async () => ports.close());
beforeEach(() => {
  nowMs = 1_000 * MINUTE;
  [evictions, usages, failing] = [[], [], undefined];
});

/** Runs for a time in which nothing else happens. */
async function runFor(ms: number): Promise<void> {
  const until = nowMs + ms;
  const abort = new AbortController();
  const retention = new Retention({
    readings: {
      partitions: PARTITIONS,
      readings: ports.readings,
      events: ports.events,
      storedBeforeSeq: async () => 0,
      isInDoubt: () => false,
      keptMs: KEPT_MS,
      now: () => nowMs,
    },
    deadLetters: {
      evict: async (ageMaxMs) => {
        evictions.push(ageMaxMs);
        if (failing === 'evict') throw new Error('NATS does not answer');
      },
    },
    deadLettersKeptMs: KEPT_MS,
    onUsage: (part) => {
      usages.push(part);
      if (failing === 'usage') throw new Error('NATS does not answer');
    },
    timing: {
      now: () => nowMs,
      random: () => 0.5,
      yield: async () => undefined,
      pause: async (pauseMs) => {
        nowMs += pauseMs;
        if (nowMs >= until) abort.abort();
        return Promise.resolve();
      },
    },
    log: pino({ level: 'silent' }),
  });
  await retention.run(abort.signal);
  expect(retention.acceptsReadings).toBe(true);
}

it('checks the room every five seconds, and every five minutes what has expired', async () => {
  await runFor(16 * MINUTE);
  expect(usages).toHaveLength((16 * MINUTE) / 5_000 - 1);
  expect(evictions).toEqual([KEPT_MS, KEPT_MS, KEPT_MS]);
});

it.each(['usage', 'evict'] as const)('goes on after a failure of %s', async (what) => {
  failing = what;
  await runFor(11 * MINUTE);
  expect(usages).toHaveLength((11 * MINUTE) / 5_000 - 1);
  expect(evictions).toHaveLength(what === 'usage' ? 0 : 2);
});
