// What the suite's seeds exercise: a simulation that never draws a fault proves nothing about it.

/** How many of the first seeds must contain every fault and every case. */
export const COVERED_SEEDS = 280;

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

/** Which faults and cases the traces of some runs contain. */
export class Coverage {
  readonly #missing = new Map(Object.entries({ ...FAULTS, ...CASES }));

  hear(line: string): void {
    for (const [name, pattern] of this.#missing)
      if ((line.startsWith('{') || name in FAULTS) && pattern.test(line)) this.#missing.delete(name);
  }

  /** The names of those that no trace has contained. */
  get missing(): string[] {
    return [...this.#missing.keys()];
  }
}
