// The streams, their subjects, and how they are created. Creating is idempotent: every process does it.
import { type JetStreamManager, RetentionPolicy, StorageType, type StreamConfig } from '@nats-io/jetstream';
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
/** Each epoch has subjects of its own: whoever has not heard of it can neither commit into it nor truncate it. */
export const routerSubject = (partition: number, epoch = 0): string => (epoch === 0 ? `routers.${partition}` : `routers.${partition}-${epoch}`);
/** What SPACE_EVENTS had beside the routers' subjects when a commit was a batch of messages. */
export const VERSION_1_SUBJECTS = 'spaces.*';

const ROUTER_SUBJECTS = 'routers.*';

/** All entries of one partition of READINGS. */
export const readingsOf = (partition: Partition): string => `readings.${partition}.>`;
export const partitionOfReading = (subject: string): Partition => Number(subject.slice(READINGS_PREFIX.length, subject.indexOf('.', READINGS_PREFIX.length))) as Partition;

/** Whose readings an entry of READINGS has; undefined for heartbeats and ticks. */
export const dpuOfReadings = (subject: string): DpuId | undefined => /^readings\.\d+\.([^.]+)\.readings$/.exec(subject)?.[1] as DpuId | undefined;

const READINGS_PREFIX = 'readings.';
const tickSubjects = 'readings.*.tick';

const partitionedSubject = (partitions: number): string => `readings.{{partition(${partitions},1)}}.{{wildcard(1)}}.{{wildcard(2)}}`;

/** @throws Error when the streams exist with another number of partitions: it is fixed when they are created */
export async function createStreams(jsm: JetStreamManager, partitions: number, replicas: number): Promise<void> {
  const base = { storage: StorageType.File, retention: RetentionPolicy.Limits, num_replicas: replicas, allow_direct: true };
  const streams: (Partial<StreamConfig> & { name: string })[] = [
    {
      ...base, name: READINGS, subjects: ['dpu.*.readings', 'dpu.*.heartbeat', tickSubjects],
      subject_transform: { src: 'dpu.*.*', dest: partitionedSubject(partitions) },
    },
    { ...base, name: SPACE_EVENTS, subjects: [ROUTER_SUBJECTS] },
    { ...base, name: TOPOLOGY, subjects: ['topology.>'] },
    { ...base, name: DEAD_LETTERS, subjects: ['dead.>'], max_msgs_per_subject: 1 },
    { ...base, name: CHECKPOINTS, subjects: ['checkpoints.>'], max_msgs_per_subject: 1, allow_atomic: true },
  ];
  for (const stream of streams) await createStream(jsm, stream);
}

async function createStream(jsm: JetStreamManager, wanted: Partial<StreamConfig> & { name: string }): Promise<void> {
  try {
    await jsm.streams.add(wanted);
  } catch (error) {
    const existing = await jsm.streams.info(wanted.name).catch(() => { throw error; });
    if (existing.config.subjects?.includes(VERSION_1_SUBJECTS)) {
      throw new Error(`stream ${wanted.name} was written by version 1 of the service: stop every process and run: density migrate`, { cause: error });
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
  throw new Error(`stream ${name} exists with other partitions (${transform?.dest}); PARTITIONS is fixed when the streams are created`);
}

/** Deletes the streams with all that is in them. Those that are not there are no error. */
export async function deleteStreams(jsm: JetStreamManager): Promise<void> {
  const present = new Set<string>();
  for await (const name of jsm.streams.names()) present.add(name);
  for (const name of [READINGS, SPACE_EVENTS, TOPOLOGY, DEAD_LETTERS, CHECKPOINTS]) if (present.has(name)) await jsm.streams.delete(name);
}
