// The log of what devices send, and MQTT's messages before they are in it.
import type { DpuId, Partition } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { LogBounds, LogCursor } from './log.ts';

/** The READINGS log: what DPUs sent, as they sent it. */
export interface ReadingsLog {
  open(partition: Partition, afterSeq: number): Promise<LogCursor>;
  /** Stores what a DPU's reading subject would; resolves when it is durable. @throws Failure unavailable when the log is full, and what else keeps it from being stored */
  append(dpuId: DpuId, data: Uint8Array, mark?: string): Promise<void>;
  /** Stores a mark of time in a partition, so that time goes on when nobody passes. */
  tick(partition: Partition): Promise<void>;
  bounds(): Promise<LogBounds>;
  /** What stands at a sequence; undefined when it was removed, or never was. */
  at(seq: number): Promise<StoredEntry | undefined>;
  /** Sequence of the last entry that was stored before an instant; 0 when there is none. */
  lastBefore(ms: number): Promise<number>;
  /** When the newest entry of a partition was stored; BEGINNING_MS when there is none. Read from the log's leader. */
  newestMs(partition: Partition): Promise<number>;
  /** Removes what stands before a sequence and was stored before an instant. */
  purge(beforeSeq: number, beforeMs: number): Promise<void>;
  occupied(): Promise<Occupied>;
  /** Sequence of the first entry of a partition at or after one; undefined when there is none. */
  firstFrom(partition: Partition, seq: number): Promise<number | undefined>;
  /** Takes readings again, or no more of them: only marks of time, which have room of their own then. */
  admit(takesReadings: boolean): Promise<void>;
}

export interface Occupied {
  /** How full the log is; at 1 it refuses what comes. 0 where it has no bound. */
  readonly part: number;
  readonly takesReadings: boolean;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** What a device published in one message, as it is in READINGS. */
export interface StoredMessage {
  readonly dpuId: DpuId;
  readonly data: Uint8Array;
}

/** READINGS, message by message, for whoever has to know whether one is there. */
export interface StoredMessages extends Pick<ReadingsLog, 'append'> {
  /** Messages that devices published, by when READINGS stored them. */
  storedBetween(fromMs: number, toMs: number): AsyncIterable<StoredMessage>;
}

/** A message of a device that was told it is stored. */
export interface AcknowledgedMessage extends StoredMessage {
  /** When it was stored, which is before it was acknowledged. */
  readonly storedMs: number;
  /** It need not be kept any longer. */
  release(): void;
}

/** Messages of devices that were told they are stored, kept until they are released. No simulated implementation: to a router, what comes again is a duplicate. */
export interface AcknowledgedMessages {
  /** Those that came since, those first that were stored first; none after some seconds, or when the signal aborts. One that is not released comes again. */
  next(signal: AbortSignal): Promise<AcknowledgedMessage[]>;
}
