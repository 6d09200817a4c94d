// The streams and their subjects, and how streams are created. Creation is idempotent, because every process creates
// them at start.
import { isDeepStrictEqual } from 'node:util';
import {
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from 'nats';
import { deviceOf, tokenOfDpu, type DpuId, type Partition } from '../domain/ids.ts';
import { publishableTopic } from '../domain/topic.ts';

export const READINGS = 'READINGS';
/**
 * Messages that READINGS cannot assign to a partition, until the service has forwarded them there
 * (forward-messages.ts).
 */
export const FORWARDED = 'FORWARDED';
export const SPACE_EVENTS = 'SPACE_EVENTS';
export const TOPOLOGY = 'TOPOLOGY';
export const DEAD_LETTERS = 'DEAD_LETTERS';
export const CHECKPOINTS = 'CHECKPOINTS';

/**
 * The subject to which a DPU publishes one reading or an array of readings. MQTT's topic `dpu/<id>/readings` is the
 * same subject.
 */
export const readingSubject = (dpuId: string): string =>
  topicSubject(`${tokenOfDpu(deviceOf(dpuId as DpuId))}.readings`);
/** The subject to which a device publishes payloads in its own format, for an adapter to read. */
export const payloadSubject = (device: DpuId, adapter: string): string =>
  topicSubject(`${tokenOfDpu(device)}.${adapter}`);
/** The subject of a topic below `dpu.`, whose messages are stored in READINGS. */
export const topicSubject = (topic: string): string => `dpu.${topic}`;
/**
 * Everything below `dpu.`, also with a leading slash, which nats-server translates to `/.`, and payloads below
 * `ingest.`. An MQTT topic is stored even if it contains wildcards or has 64 KB.
 */
export const DEVICE_SUBJECTS = ['dpu.>', '/.dpu.>', 'ingest.>', '/.ingest.>'] as const;
const PARTITIONED_SUBJECTS = 'dpu.*.>';
const FORWARDED_SUBJECTS = ['dpu.*', '/.dpu.>', 'ingest.>', '/.ingest.>'];
/**
 * Ticks are covered by the filter `readings.<k>.>`: a second filter would make the server read the stream fifty times
 * slower.
 */
export const tickSubject = (partition: number): string => `readings.${partition}.tick`;
/**
 * Each epoch has its own subjects, so that a process still in an older epoch can neither commit to a newer one nor
 * truncate it.
 */
export const routerSubject = (partition: number, epoch = 0): string =>
  epoch === 0 ? `routers.${partition}` : `routers.${partition}-${epoch}`;
/** Additional subjects of SPACE_EVENTS in version 1, where a commit was a batch of messages. */
export const VERSION_1_SUBJECTS = 'spaces.*';

export const ROUTER_SUBJECTS = 'routers.*';

/** The header with the latest timestamp that the service accepted for a message's readings (TimestampBound). */
export const ACCEPTED_UP_TO = 'Density-Accepted-Up-To';

/** All entries of one partition of READINGS. */
export const readingsOf = (partition: Partition): string => `readings.${partition}.>`;
/** What a device published, in whatever partition it is. */
export const messagesOf = (device: DpuId): string => `readings.*.${tokenOfDpu(device)}.>`;
/** The payloads that a device published for an adapter, without and with further levels of an MQTT topic. */
export const payloadsOf = (device: DpuId, adapter: string): string[] =>
  ['', '.>'].map((rest) => `readings.*.${tokenOfDpu(device)}.${adapter}${rest}`);
/** NaN for a topic with wildcards, which the server does not transform, and no partition reads. */
export const partitionOfReading = (subject: string): Partition =>
  (subject.startsWith(READINGS_PREFIX)
    ? Number(subject.slice(READINGS_PREFIX.length, subject.indexOf('.', READINGS_PREFIX.length)))
    : NaN) as Partition;

/** The topic to which an entry was published; undefined for ticks, and for entries that no partition reads. */
export const topicOfEntry = (subject: string): string | undefined => {
  const topic = /^readings\.\d+\.([^.]+\..+)$/.exec(subject)?.[1];
  return topic === undefined ? undefined : publishableTopic(topic);
};
/**
 * The topic of a subject to which a device published, with or without the leading slash. For
 * `ingest.<adapter>.<device>` it is `<device>.<adapter>`, because the first level determines the partition.
 */
export const topicOfSubject = (subject: string): string =>
  publishableTopic(
    subject
      .replace(/^\/\./, '')
      .replace(/^ingest\.([^.]+)\.([^.]+)/, '$2.$1')
      .replace(/^(?:dpu|ingest)\./, ''),
  );

export const READINGS_PREFIX = 'readings.';
const tickSubjects = 'readings.*.tick';

const partitionedSubject = (partitions: number): string => `readings.{{partition(${partitions},1)}}.{{wildcard(1)}}.>`;

/** Limits of streams, in bytes. A stream without one keeps its current limit, or has none. */
export interface StreamBounds {
  readonly readings?: number;
  readonly forwarded?: number;
  readonly spaceEvents?: number;
  readonly deadLetters?: number;
}

/**
 * Shares of the server's store. The rest is for topology, checkpoints, leases and MQTT sessions, which have no limit.
 */
const [READINGS_SHARE, SPACE_EVENTS_SHARE, DEAD_LETTERS_SHARE, FORWARDED_SHARE] = [0.6, 0.25, 0.05, 0.01];

/**
 * Divides the server's store among the streams. If readings, or commits that ClickHouse does not accept, filled the
 * store, there would be no space for the commits and checkpoints that allow readings and commits to be removed.
 * @param storeBytes size of the store; undefined uses the account's limit, and without one, only dead letters are
 * limited
 */
export async function boundsFor(
  jsm: JetStreamManager,
  storeBytes: number | undefined,
  deadLetterBytes: number,
): Promise<StreamBounds> {
  const bytes = storeBytes ?? (await jsm.getAccountInfo()).limits.max_storage;
  if (bytes <= 0) return { deadLetters: deadLetterBytes };
  const share = (fraction: number): number => Math.floor(bytes * fraction);
  return {
    readings: share(READINGS_SHARE),
    forwarded: share(FORWARDED_SHARE),
    spaceEvents: share(SPACE_EVENTS_SHARE),
    deadLetters: Math.min(deadLetterBytes, share(DEAD_LETTERS_SHARE)),
  };
}

/**
 * The shortest window that nats-server allows. Within it the server acknowledges and drops a message whose
 * `Nats-Msg-Id` equals that of another message, whichever device sent that one. Repeated readings are recognised by
 * their identity instead.
 */
const DUPLICATE_WINDOW_MS = 100;

/**
 * @throws Error if the streams exist with another number of partitions, which is fixed at creation
 */
export async function createStreams(
  jsm: JetStreamManager,
  partitions: number,
  replicas: number,
  bounds: StreamBounds = {},
): Promise<void> {
  const base = {
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    num_replicas: replicas,
    allow_direct: true,
  };
  const readings = {
    subjects: [PARTITIONED_SUBJECTS, tickSubjects],
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    subject_transform: { src: PARTITIONED_SUBJECTS, dest: partitionedSubject(partitions) },
  };
  const streams: (Partial<StreamConfig> & { name: string })[] = [
    { ...base, name: READINGS, ...readings },
    {
      ...base,
      name: FORWARDED,
      subjects: FORWARDED_SUBJECTS,
      retention: RetentionPolicy.Workqueue,
      duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    },
    { ...base, name: SPACE_EVENTS, subjects: [ROUTER_SUBJECTS] },
    { ...base, name: TOPOLOGY, subjects: ['topology.>'] },
    { ...base, name: DEAD_LETTERS, subjects: ['dead.>'], max_msgs_per_subject: 1 },
    { ...base, name: CHECKPOINTS, subjects: ['checkpoints.>'], max_msgs_per_subject: 1, allow_atomic: true },
  ];
  for (const stream of streams) await createStream(jsm, stream);
  // Streams of earlier versions accept only well-formed topics.
  await bound(jsm, READINGS, readings);
  // When full, these refuse new messages, because the old ones are still needed.
  if (bounds.readings !== undefined)
    await bound(jsm, READINGS, { ...openForReadings(bounds.readings), discard: DiscardPolicy.New });
  if (bounds.forwarded !== undefined)
    await bound(jsm, FORWARDED, { max_bytes: bounds.forwarded, discard: DiscardPolicy.New });
  if (bounds.spaceEvents !== undefined)
    await bound(jsm, SPACE_EVENTS, { max_bytes: bounds.spaceEvents, discard: DiscardPolicy.New });
  // The service evicts letters well before the server would, in order to count them.
  if (bounds.deadLetters !== undefined)
    await bound(jsm, DEAD_LETTERS, { max_bytes: bounds.deadLetters, discard: DiscardPolicy.Old });
}

type Bound = Partial<
  Pick<StreamConfig, 'max_bytes' | 'max_msg_size' | 'discard' | 'duplicate_window' | 'subjects' | 'subject_transform'>
>;

/**
 * @throws Error if the server refuses: its store is too small, or another stream has one of the subjects
 */
async function bound(jsm: JetStreamManager, name: string, wanted: Bound): Promise<void> {
  const { config } = await jsm.streams.info(name);
  if (Object.entries(wanted).every(([key, value]) => isDeepStrictEqual(config[key as keyof Bound], value))) return;
  try {
    await jsm.streams.update(name, wanted);
  } catch (error) {
    const change =
      wanted.max_bytes === undefined
        ? 'given the settings of this version'
        : `given ${wanted.max_bytes} bytes of the NATS server's store (NATS_STORE_MAX)`;
    throw new Error(`stream ${name} cannot be ${change}: ${String(error)}`, { cause: error });
  }
}

// A full READINGS stream would refuse ticks as well, and without ticks its readings would never become final, be
// stored and be removed. So when it is full, it is closed for readings by a limit on the length of a message (ticks
// are empty), and gets some additional space for ticks.
const [ANY_LENGTH, EMPTY_LENGTH] = [-1, 1];
const TICKS_SHARE = 0.1;

/** Settings of READINGS while it accepts readings, up to a number of bytes. */
export function openForReadings(bytes: number): Bound {
  return { max_bytes: bytes, max_msg_size: ANY_LENGTH };
}

/** Settings of READINGS while it accepts only ticks, for the same number of bytes. */
export function closedForReadings(bytes: number): Bound {
  return { max_bytes: Math.ceil(bytes * (1 + TICKS_SHARE)), max_msg_size: EMPTY_LENGTH };
}

export function acceptsReadings(config: Pick<StreamConfig, 'max_msg_size'>): boolean {
  return config.max_msg_size !== EMPTY_LENGTH;
}

/** The limit for readings, in bytes; 0 if there is none. */
export function readingsBytesOf(config: Pick<StreamConfig, 'max_bytes' | 'max_msg_size'>): number {
  if (config.max_bytes <= 0) return 0;
  return acceptsReadings(config) ? config.max_bytes : Math.floor(config.max_bytes / (1 + TICKS_SHARE));
}

async function createStream(jsm: JetStreamManager, wanted: Partial<StreamConfig> & { name: string }): Promise<void> {
  try {
    await jsm.streams.add(wanted);
  } catch (error) {
    const existing = await jsm.streams.info(wanted.name).catch(() => {
      throw error;
    });
    if (existing.config.subjects?.includes(VERSION_1_SUBJECTS)) {
      throw new Error(
        `stream ${wanted.name} was written by version 1 of the service: stop every process and run: density migrate`,
        { cause: error },
      );
    }
    if (wanted.name === READINGS) assertTransform(existing.config, wanted.subject_transform?.dest);
  }
}

/**
 * @throws Error if the streams exist with another number of partitions
 */
export async function assertPartitions(jsm: JetStreamManager, partitions: number): Promise<void> {
  assertTransform((await jsm.streams.info(READINGS)).config, partitionedSubject(partitions));
}

function assertTransform({ name, subject_transform: transform }: StreamConfig, expected: string | undefined): void {
  if (partitionsIn(transform?.dest) === partitionsIn(expected)) return;
  throw new Error(
    `stream ${name} exists with another number of partitions (${transform?.dest}); PARTITIONS is fixed when the streams are created`,
  );
}

const partitionsIn = (transform: string | undefined): string | undefined =>
  /\{\{partition\((\d+),1\)\}\}/.exec(transform ?? '')?.[1];

/** Deletes the streams and everything in them. Missing streams are ignored. */
export async function deleteStreams(jsm: JetStreamManager): Promise<void> {
  const present = new Set<string>();
  for await (const name of jsm.streams.names()) present.add(name);
  for (const name of [READINGS, FORWARDED, SPACE_EVENTS, TOPOLOGY, DEAD_LETTERS, CHECKPOINTS])
    if (present.has(name)) await jsm.streams.delete(name);
}
