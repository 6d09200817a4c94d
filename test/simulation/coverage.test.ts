// What the suite's seeds exercise: a simulation that never draws a fault proves nothing about it.
import { describe, expect, it } from 'vitest';
import { addTo } from '../../src/domain/lists.ts';
import { drawScenario } from './draw-scenario.ts';
import { simulate } from './simulate.ts';

const SEEDS = 280;

const FAULTS: Readonly<Record<string, RegExp>> = {
  'a process crashes': /"kind":"crash"/,
  'a process is suspended, and comes back as a zombie': /"kind":"suspend"/,
  'two owners at once: a router is refused': /Superseded: router/,
  'two owners at once: a checkpoint is refused': /Superseded: partition/,
  'a log whose beginning was truncated': /LogGap/,
  'a commit that was not stored': /commit \d+ refused/,
  'a commit whose answer is lost': /commit \d+ answer lost/,
  'a backlog': /commit \d+ with a backlog done/,
  'a message that is consumed in part': /commit \d+ with a backlog, in the middle of a message done/,
  'a commit that arrives late': /commit \d+ late/,
  'a flush whose answer is lost': /store block \S+ answer lost/,
  'a flush that is cut short': /store block \S+ cut short/,
  'a flush that arrives late': /store block \S+ late/,
  'a checkpoint whose answer is lost': /save checkpoint \d+ answer lost/,
  'a reader of the log that ends': /read (READINGS|SPACE_EVENTS) \d+ refused/,
  'ClickHouse is unavailable': /Failure: ClickHouse is unavailable/,
  'a reading whose acknowledgement is lost, and which is sent again': /publish readings\S+ answer lost/,
  'dead letters are evicted': /evict dead letters done/,
  'a replayed reading is stored': /publish readings\S+\.READING done/,
  'a replay whose record is lost': /record replay (refused|answer lost)/,
  'dead letters stored in part': /store dead letters cut short/,
  "the log's clock goes back": /"kind":"logClock","behindMs":(200|3000)/,
  'checkpoints that cannot be used, and a rebuild': /"kind":"rebuild"/,
  'a document is imported': /"kind":"import"/,
  'a batch of an import whose answer is lost': /append batch answer lost/,
  'commits are truncated': /truncate routers\.\d+ done/,
  'NATS loses the end of SPACE_EVENTS': /"kind":"lose","logs":\[.*"SPACE_EVENTS"/,
  'NATS loses the end of READINGS': /"kind":"lose","logs":\[.*"READINGS"/,
  'NATS loses the end of TOPOLOGY': /"kind":"lose","logs":\[.*"TOPOLOGY"/,
  'NATS loses checkpoints': /"kind":"lose","logs":\[.*"CHECKPOINTS"/,
  'single messages of READINGS become unreadable': /"kind":"flip"/,
  'messages of READINGS change': /"kind":"alter"/,
  'unreadable messages are reported': /READINGS does not return \d+ messages/,
  'NATS is restarted under processes that run on': /"isPowerFailure":false/,
  'a loss is noticed': /a log has gone back/,
  'a reader finds that its log went back': /LogWentBack/,
  'logs are repaired': /finish epoch \d+ done/,
};

const CASES: Readonly<Record<string, RegExp>> = {
  'a tie at one millisecond': /"kind":"publish".*?:00\.000Z.*?:00\.000Z/,
  'a reading of 1970': /1970-01-01T00:00:00\.00[01]Z/,
  'a payload of several lines': /"kind":"payload".*"space_id\\":\\"a.*"space_id\\":\\"b/,
  'options of a device': /"kind":"device","dpuId":"\w+","isReversed":true/,
  'a payload in a format that has to be described': /"kind":"payload".*"isMapped":true/,
  'descriptions of a format': /"isWide":false,"isTimed":true/,
  'a description of more, and one without times': /"isWide":true,"isTimed":false/,
  'options of a device that are deleted': /"kind":"forgetDevice"/,
  'a move of a line': /"kind":"move","dpuId":"\w+\/[ab]"/,
  'a reading with a name': /\\"id\\":\\"n\d+\\"/,
  'an interval with a revision': /\\"revision\\":[0-3]/,
  'a revision without a start, or without a timestamp':
    /\\"exits\\":\d,\\"revision\\":|\{\\"entrances\\":\d,\\"exits\\":\d,\\"start\\":\\"[^}]*\\"revision\\":/,
  'a move to now': /"kind":"move","dpuId":"\w+","doorway":\d+\}/,
  'a move with effective_at': /"kind":"move".*"effectiveMs"/,
  'a move to no doorway': /"kind":"move","dpuId":"\w+","doorway":null/,
  'a DPU is deleted': /"kind":"deleteDpu"/,
  'a doorway is changed': /"kind":"changeDoorway"/,
  'a space is deleted': /"kind":"deleteSpace"/,
  'readings are excluded': /"kind":"exclude"/,
  'an exclusion in a document': /"kind":"import".*"kind":"exclude"/,
  'an exclusion is deleted': /"kind":"include"/,
  'a reading is deleted': /"kind":"deleteReading","which":\d/,
  'a reading is deleted before it is sent': /"kind":"deleteReading","which":"/,
  'a reading is restored': /"kind":"restoreReading"/,
  'a reset is changed': /"kind":"changeReset"/,
  'a reset is moved to another instant': /"kind":"changeReset".*"timestampMs"/,
  'a reset is deleted': /"kind":"deleteReset"/,
  'a daily reset to more than nobody': /"dailyResetCount":[1-3]/,
  'a reset': /"kind":"reset"/,
  'a daily reset in a zone with changes of clocks': /"timeZone":"(Europe\/Vienna|America\/New_York)","dailyReset":"0/,
  'a heartbeat with a time of its own': /"kind":"heartbeat".*timestamp/,
  'settings are changed': /"kind":"settings"/,
  'a daily reset is changed': /"kind":"changeSpace"/,
  'bad JSON': /"text":"\[\{\\"timestamp\\""/,
  'a reading over HTTP that is further ahead than its arrival allows':
    /"kind":"post".*"aheadMs":3600000,"isMadeUp":false/,
  'a mark that a device has made up': /"kind":"post".*"aheadMs":3600000,"isMadeUp":true/,
  'a process whose clock is behind is asked': /"kind":"ask".*"behindMs":7200000/,
  'dead letters are replayed': /"kind":"replay","shiftMs":0/,
  'dead letters are replayed with a shift': /"kind":"replay","shiftMs":-/,
  'dead letters of one reason are replayed': /"kind":"replay".*"reason":"(bad_payload|future)"/,
  'a misspelled topic': /"kind":"publish".*"levels":"reading/,
  'a topic that fits nothing': /"kind":"publish".*"levels":"(status|\/")/,
  'a message of bad items only': /"kind":"publish".*"text":"\[(0|null)/,
};

interface Item {
  readonly timestamp?: string;
  readonly direction?: number;
  readonly id?: string;
}

/** The payloads of each DPU of a scenario, in order. */
function itemsOf(seed: number): Item[][] {
  const byDpu = new Map<string, Item[]>();
  for (const action of drawScenario(seed).actions) {
    if (action.kind !== 'publish' || !/^(\{|\[\{).*[}\]]$/.test(action.text)) continue;
    for (const item of [JSON.parse(action.text)].flat() as (Item | 0 | null)[])
      if (item) addTo(byDpu, action.dpuId, item);
  }
  return [...byDpu.values()];
}

const PAIRS: Readonly<Record<string, (a: Item, b: Item) => boolean>> = {
  'a named reading is sent again': (a, b) =>
    a.id === b.id && a.timestamp === b.timestamp && a.direction === b.direction,
  'an id is used again at another time': (a, b) => a.id === b.id && a.timestamp !== b.timestamp,
  'an id is used again for the other direction': (a, b) =>
    a.id === b.id && a.timestamp === b.timestamp && a.direction !== b.direction,
  'the same without the id': (a, b) => b.id === undefined && a.timestamp === b.timestamp && a.direction === b.direction,
  'the same with another id': (a, b) =>
    b.id !== undefined && a.id !== b.id && a.timestamp === b.timestamp && a.direction === b.direction,
};

describe('simulation', () => {
  it.each(Object.entries(PAIRS))(`S3 a third of the first ${SEEDS} seeds: %s`, (_, isPair) => {
    const having = Array.from({ length: SEEDS }, (_unused, n) => itemsOf(n + 1)).filter((dpus) =>
      dpus.some((items) =>
        items.some((a, at) => a.id !== undefined && items.some((b, other) => other !== at && isPair(a, b))),
      ),
    );
    expect(having.length).toBeGreaterThan(SEEDS / 3);
  });

  it(`S3 the first ${SEEDS} seeds contain every fault and every case`, async () => {
    const seen = new Map<string, number>(Object.keys({ ...FAULTS, ...CASES }).map((name) => [name, 0]));
    let finalAnswers = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const outcome = await simulate(drawScenario(seed), (line) => {
        for (const [name, pattern] of Object.entries(line.startsWith('{') ? { ...CASES, ...FAULTS } : FAULTS))
          if (pattern.test(line)) seen.set(name, (seen.get(name) ?? 0) + 1);
      });
      finalAnswers += outcome.finalAnswers;
    }
    expect([...seen].filter(([, count]) => count === 0).map(([name]) => name)).toEqual([]);
    // These are what N1 is checked with.
    expect(finalAnswers).toBeGreaterThan(SEEDS / 2);
  });
});
