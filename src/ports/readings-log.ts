// The READINGS log, which holds what devices sent, byte for byte, by partition of the device; and MQTT messages that
// were acknowledged but may not have reached READINGS. Times are arrival times in ms, by the log's own clock. Methods
// reject if the log cannot be reached.
import type { DpuId, Partition } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { LogBounds, LogCursor } from './log.ts';

export interface ReadingsLog {
  /** Reads a partition's entries after a sequence. */
  open(partition: Partition, afterSeq: number): Promise<LogCursor>;
  /**
   * Stores a message as if the DPU had published it. Resolves once it is durable. After a rejection it may or may not
   * have been stored; storing it twice changes no count.
   * @param mark evidence of the limit up to which the service accepted timestamps (TimestampBound)
   * @throws Failure unavailable if the log is full
   */
  append(dpuId: DpuId, data: Uint8Array, mark?: string): Promise<void>;
  /**
   * Stores a payload as if the device had published it for an adapter. Resolves once it is durable. After a rejection
   * it may or may not have been stored.
   * @param adapter its name
   * @throws Failure unavailable if the log is full
   */
  appendPayload(device: DpuId, adapter: string, data: Uint8Array): Promise<void>;
  /** Stores a tick, which advances a partition's clock while no readings arrive. Not acknowledged; may be lost. */
  tick(partition: Partition): Promise<void>;
  bounds(): Promise<LogBounds>;
  /** The entry at a sequence; undefined if it was removed or never existed. */
  at(seq: number): Promise<StoredEntry | undefined>;
  /**
   * Reads all entries after a sequence and up to another one. @returns the sequences of entries that the log holds and
   * does not return, in ascending order
   */
  unreadable(afterSeq: number, toSeq: number): Promise<number[]>;
  /** The sequence of the last entry stored before an instant; 0 if there is none. */
  lastSeqBefore(ms: number): Promise<number>;
  /** When a partition's newest entry was stored, according to the log's leader; BEGINNING_MS if there is none. */
  newestMs(partition: Partition): Promise<number>;
  /** Removes entries that are before a sequence and were also stored before an instant. */
  purge(beforeSeq: number, beforeMs: number): Promise<void>;
  usage(): Promise<LogUsage>;
  /** The sequence of a partition's first entry at or after `seq`; undefined if there is none. */
  firstSeqFrom(partition: Partition, seq: number): Promise<number | undefined>;
  /** Opens or closes the log for readings. While closed it still accepts ticks, for which it reserves space. */
  setAcceptsReadings(acceptsReadings: boolean): Promise<void>;
}

export interface LogUsage {
  /** Used bytes as a fraction of the log's limit. At 1 the log refuses new entries; 0 if it has no limit. */
  readonly usedFraction: number;
  readonly acceptsReadings: boolean;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** A message that a device published. */
export interface StoredMessage {
  /** The topic below `dpu.` to which it was published (domain/topic.ts). */
  readonly topic: string;
  readonly data: Uint8Array;
}

/** READINGS, searchable for single messages. */
export interface StoredMessages {
  /** Messages of devices stored from `fromMs` to `toMs`, both inclusive, in order. */
  storedBetween(fromMs: number, toMs: number): AsyncIterable<StoredMessage>;
  /** Stores a message as if it had been published to its topic. Otherwise like `ReadingsLog.append`. */
  restore(message: StoredMessage): Promise<void>;
}

/** READINGS, as a register of the topics that devices publish to. */
export interface PublishedTopics {
  /** The topics below `dpu.` of the device's messages that are still stored. Reads no message. */
  topicsOf(device: DpuId): Promise<string[]>;
  /**
   * The sequence of the device's newest stored message for an adapter; 0 if there is none. Reads up to two whole
   * messages.
   */
  newestPayloadSeq(device: DpuId, adapter: string): Promise<number>;
}

/** A message as a device published it, or the beginning of it. */
export interface RecentMessage {
  readonly seq: number;
  readonly storedMs: number;
  /** To which it was published. */
  readonly subject: string;
  /** Its length. */
  readonly bytes: number;
  readonly beginning: Uint8Array;
}

/** READINGS, to look at what a device sends. */
export interface RecentMessages {
  /**
   * The newest messages that the device published and that are still stored, the newest first.
   * @param bytesMax of each message
   */
  newestOf(device: DpuId, limit: number, bytesMax: number): Promise<RecentMessage[]>;
}

/** A message that a device has an acknowledgement for, though READINGS may lack it. */
export interface AcknowledgedMessage extends StoredMessage {
  /** When it was stored outside READINGS, shortly before it was acknowledged. */
  readonly storedMs: number;
  /** Lets the NATS server discard the message. */
  release(): void;
}

/**
 * Acknowledged messages, kept until they are released. There is no simulated implementation, because to a router a
 * message that is appended twice is an ordinary duplicate.
 */
export interface AcknowledgedMessages {
  /**
   * The next messages, in the order in which they were stored. Returns none if none arrive for some seconds, or when
   * the signal aborts. A message that is not released is delivered again.
   */
  next(signal: AbortSignal): Promise<AcknowledgedMessage[]>;
  /** The same messages one by one, each within about a second of its arrival. */
  arriving(signal: AbortSignal): AsyncIterable<AcknowledgedMessage>;
}
