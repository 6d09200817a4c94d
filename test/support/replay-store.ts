// Dead letters and READINGS in memory, for tests of replays.
import { readPayload } from '../../src/adapters/payload.ts';
import type { DpuId } from '../../src/domain/ids.ts';
import type { RejectReason } from '../../src/domain/reading.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { letterIdOf, type KeptLetter, type RecordedReplay } from '../../src/ports/dead-letters.ts';
import { replayLetters, type ReplayRequest, type ReplayResult } from '../../src/publishing/replay-letters.ts';
import { TimestampBound } from '../../src/publishing/timestamp-bound.ts';
import { lettersOf } from '../../src/router/letters.ts';
import { Message } from '../../src/router/message.ts';

export const NOW = Date.UTC(2026, 10, 24, 9);
export const HOUR = 3_600_000;
/** When the letters arrived. */
export const ARRIVED = NOW - 1_000;
const ALL: ReplayRequest = { shiftMs: 0, dpuId: null, isDryRun: false };

/** The end of the detail for a letter that is read differently than when it was replayed. */
export const OTHERWISE = 'with other options of the device or by another version of the service';
/** Options of the mapping for items such as `passed` makes, with one way to spell an entrance, and with two. */
export const NARROW = {
  kind: 'event',
  line: '@.line',
  time: '@.at',
  direction: { path: '@.d', entrance: ['in'], exit: ['out'] },
};
export const WIDE = { ...NARROW, direction: { ...NARROW.direction, entrance: ['in', 'IN'] } };
/** Before and after the letters arrived. */
export const BEFORE = NOW - HOUR;
export const AFTER = NOW - 500;
export const at = (second: number): string => new Date(NOW - HOUR + second * 1_000).toISOString();
export const passed = (line: string, d: string, second: number): object => ({ line, d, at: at(second) });

export const letter = (items: readonly unknown[] | string, some: Partial<KeptLetter> = {}): KeptLetter => ({
  reason: 'future',
  detail: '',
  subject: 'readings.0.7.readings',
  readingsSeq: 17,
  index: 2,
  arrivedMs: ARRIVED,
  items: typeof items === 'string' ? 1 : items.length,
  isCut: false,
  raw: new TextEncoder().encode(
    typeof items === 'string' ? items : JSON.stringify(items.length === 1 ? items[0] : items),
  ),
  storedMs: ARRIVED + 100,
  ...some,
});

export class ReplayStore {
  readonly letters: KeptLetter[];
  readonly records = new Map<string, RecordedReplay>();
  /** What READINGS got, as `dpu reading`. */
  readonly appended: string[] = [];
  /** The log refuses this many messages. */
  refuses = 0;
  readonly history = new TopologyHistory();
  /** Of the process that replays. */
  bound = new TimestampBound(0, 'key');

  constructor(...letters: KeptLetter[]) {
    this.letters = letters;
  }

  /** Sets options of the device `shop`; null deletes it. */
  configure(adapter: string, options: Record<string, unknown> | null, storedMs: number): void {
    const doc = { id: 'shop' as DpuId, adapter, options, createdMs: 0, updatedMs: 0, deleted: options === null };
    this.history.apply({ seq: this.history.seq + 1, fact: { kind: 'device', doc }, storedMs });
  }

  /** A payload arrives, and the router stores the letters of what it rejects. @returns their reasons */
  arrive(adapter: string, payload: unknown, bound = this.bound): RejectReason[] {
    const entry = {
      seq: 17,
      timeMs: ARRIVED,
      subject: `readings.0.shop.${adapter}`,
      data: new TextEncoder().encode(JSON.stringify(payload)),
    };
    const message = new Message(entry, 0, (stored) => readPayload(stored, this.history));
    const found = lettersOf(message, { latestOf: (stored) => bound.of(stored), earliestMs: bound.earliestMs });
    this.letters.push(...found.map((one) => ({ ...one, storedMs: ARRIVED + 100 })));
    return found.map(({ reason }) => reason);
  }

  async replay(request: Partial<ReplayRequest> = {}): Promise<ReplayResult> {
    const { letters, records } = this;
    return replayLetters(
      { ...ALL, ...request },
      {
        deadLetters: {
          async *letters({ reason }) {
            yield* letters.filter((one) => reason === undefined || one.reason === reason);
          },
          recordReplay: async (key, replay) => {
            const recorded = records.get(letterIdOf(key)) ?? replay;
            records.set(letterIdOf(key), recorded);
            return recorded;
          },
        },
        log: {
          append: async (dpuId, data) => {
            if (this.refuses-- > 0) throw new Error('READINGS is unavailable');
            for (const reading of JSON.parse(new TextDecoder().decode(data)) as object[])
              this.appended.push(`${dpuId} ${JSON.stringify(reading)}`);
          },
        },
        topology: { history: this.history, catchUp: async () => undefined },
        bound: this.bound,
        now: () => NOW,
        retry: { retries: 0 },
      },
    );
  }
}
