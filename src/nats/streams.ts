// The streams, their subjects, and how they are created. Creating is idempotent: every process does it.
import {
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import type { DpuId, Partition } from '../domain/ids.ts';

export const READINGS = 'READINGS';
export const SPACE_EVENTS = 'SPACE_EVENTS';
export const TOPOLOGY = 'TOPOLOGY';
export const DEAD_LETTERS = 'DEAD_LETTERS';
export const CHECKPOINTS = 'CHECKPOINTS';

/** What DPUs publish to, one reading or an array. MQTT's `dpu/<id>/readings` is the same subject. */
export const readingSubject = (dpuId: string): string => `dpu.${dpuId}.readings`;
/** Of one partition: a second filter beside `readings.<k>.>` would make the server read the stream fifty times as slowly. */
export const tickSubject = (partition: number): string => `readings.${partition}.tick`;
/** Each epoch has its own subjects, so a process that does not know of it can neither commit to it nor truncate it. */
export const routerSubject = (partition: number, epoch = 0): string =>
  epoch === 0 ? `routers.${partition}` : `routers.${partition}-${epoch}`;
/** What SPACE_EVENTS had beside the routers' subjects when a commit was a batch of messages. */
export const VERSION_1_SUBJECTS = 'spaces.*';

const ROUTER_SUBJECTS = 'routers.*';

/** The header of a message in READINGS that says by which bound the service has accepted its readings. */
export const ACCEPTED_UP_TO = 'Density-Accepted-Up-To';

/** All entries of one partition of READINGS. */
export const readingsOf = (partition: Partition): string => `readings.${partition}.>`;
export const partitionOfReading = (subject: string): Partition =>
  Number(subject.slice(READINGS_PREFIX.length, subject.indexOf('.', READINGS_PREFIX.length))) as Partition;

/** Whose readings an entry of READINGS has; undefined for heartbeats and ticks. */
export const dpuOfReadings = (subject: string): DpuId | undefined =>
  /^readings\.\d+\.([^.]+)\.readings$/.exec(subject)?.[1] as DpuId | undefined;

export const READINGS_PREFIX = 'readings.';
const tickSubjects = 'readings.*.tick';

const partitionedSubject = (partitions: number): string =>
  `readings.{{partition(${partitions},1)}}.{{wildcard(1)}}.{{wildcard(2)}}`;

/** How many bytes streams may take. What is not given has no bound, or the one it has already. */
export interface StreamBounds {
  readonly readings?: number;
  readonly spaceEvents?: number;
  readonly deadLetters?: number;
}

/** Parts of the server's store. The rest is for the topology, checkpoints, leases and MQTT's sessions, which have no bound. */
const [READINGS_PART, SPACE_EVENTS_PART, DEAD_LETTERS_PART] = [0.6, 0.25, 0.05];

/**
 * Shares the server's store out: full of readings, or of commits that ClickHouse does not take, it would have no room for what makes room.
 * @param storeBytes where it is undefined it is what the account is limited to; without a limit only dead letters are bounded
 */
export async function boundsFor(
  jsm: JetStreamManager,
  storeBytes: number | undefined,
  deadLetterBytes: number,
): Promise<StreamBounds> {
  const bytes = storeBytes ?? (await jsm.getAccountInfo()).limits.max_storage;
  if (bytes <= 0) return { deadLetters: deadLetterBytes };
  const part = (of: number): number => Math.floor(bytes * of);
  return {
    readings: part(READINGS_PART),
    spaceEvents: part(SPACE_EVENTS_PART),
    deadLetters: Math.min(deadLetterBytes, part(DEAD_LETTERS_PART)),
  };
}

/** @throws Error when the streams exist with another number of partitions: it is fixed when they are created */
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
  const streams: (Partial<StreamConfig> & { name: string })[] = [
    {
      ...base,
      name: READINGS,
      subjects: ['dpu.*.readings', 'dpu.*.heartbeat', tickSubjects],
      subject_transform: { src: 'dpu.*.*', dest: partitionedSubject(partitions) },
    },
    { ...base, name: SPACE_EVENTS, subjects: [ROUTER_SUBJECTS] },
    { ...base, name: TOPOLOGY, subjects: ['topology.>'] },
    { ...base, name: DEAD_LETTERS, subjects: ['dead.>'], max_msgs_per_subject: 1 },
    { ...base, name: CHECKPOINTS, subjects: ['checkpoints.>'], max_msgs_per_subject: 1, allow_atomic: true },
  ];
  for (const stream of streams) await createStream(jsm, stream);
  // Full, these refuse what comes: what is in them is still needed.
  if (bounds.readings !== undefined)
    await bound(jsm, READINGS, { ...openedTo(bounds.readings), discard: DiscardPolicy.New });
  if (bounds.spaceEvents !== undefined)
    await bound(jsm, SPACE_EVENTS, { max_bytes: bounds.spaceEvents, discard: DiscardPolicy.New });
  // The service evicts well before the server would, and counts what it evicts.
  if (bounds.deadLetters !== undefined)
    await bound(jsm, DEAD_LETTERS, { max_bytes: bounds.deadLetters, discard: DiscardPolicy.Old });
}

type Bound = Partial<Pick<StreamConfig, 'max_bytes' | 'max_msg_size' | 'discard'>>;

/** @throws Error when the server's store has no room for it */
async function bound(jsm: JetStreamManager, name: string, wanted: Bound): Promise<void> {
  const { config } = await jsm.streams.info(name);
  if (Object.entries(wanted).every(([key, value]) => config[key as keyof Bound] === value)) return;
  try {
    await jsm.streams.update(name, wanted);
  } catch (error) {
    throw new Error(
      `stream ${name} cannot have ${wanted.max_bytes} bytes of the NATS server's store (NATS_STORE_MAX): ${String(error)}`,
      { cause: error },
    );
  }
}

// A READINGS stream that is full would refuse marks of time, too, and without those what is in it would never be final,
// stored and removed. So it is closed to readings then, by a bound on the length of a message (marks have none), and has
// some more room.
const [ANY_LENGTH, NO_LENGTH] = [-1, 1];
const MARKS_PART = 0.1;

/** READINGS as it takes everything, up to so many bytes. */
export function openedTo(bytes: number): Bound {
  return { max_bytes: bytes, max_msg_size: ANY_LENGTH };
}

/** READINGS as it takes marks of time alone, where readings have so many bytes. */
export function closedAt(bytes: number): Bound {
  return { max_bytes: Math.ceil(bytes * (1 + MARKS_PART)), max_msg_size: NO_LENGTH };
}

export function acceptsReadings(config: Pick<StreamConfig, 'max_msg_size'>): boolean {
  return config.max_msg_size !== NO_LENGTH;
}

/** What readings may take; 0 where there is no bound. */
export function readingsBytesOf(config: Pick<StreamConfig, 'max_bytes' | 'max_msg_size'>): number {
  if (config.max_bytes <= 0) return 0;
  return acceptsReadings(config) ? config.max_bytes : Math.floor(config.max_bytes / (1 + MARKS_PART));
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

/** @throws Error when the streams are there with another number of partitions */
export async function assertPartitions(jsm: JetStreamManager, partitions: number): Promise<void> {
  assertTransform((await jsm.streams.info(READINGS)).config, partitionedSubject(partitions));
}

function assertTransform({ name, subject_transform: transform }: StreamConfig, shouldBe: string | undefined): void {
  if (transform?.dest === shouldBe) return;
  throw new Error(
    `stream ${name} exists with other partitions (${transform?.dest}); PARTITIONS is fixed when the streams are created`,
  );
}

/** Deletes the streams with all that is in them. Those that are not there are no error. */
export async function deleteStreams(jsm: JetStreamManager): Promise<void> {
  const present = new Set<string>();
  for await (const name of jsm.streams.names()) present.add(name);
  for (const name of [READINGS, SPACE_EVENTS, TOPOLOGY, DEAD_LETTERS, CHECKPOINTS])
    if (present.has(name)) await jsm.streams.delete(name);
}
