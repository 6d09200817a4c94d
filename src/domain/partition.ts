// The partition of a DPU or a space: 32-bit FNV-1a of its id, modulo the number of partitions. NATS's
// `{{partition(n,…)}}` is the same function, so this code and the stream's subject transform agree. The lines of a
// device are in the device's partition, because one message of the device is about all of them.
import { deviceOf, tokenOfDpu, type DpuId, type Partition, type SpaceId } from './ids.ts';

function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** 0, 1, …, count - 1. */
export function allPartitions(count: number): Partition[] {
  return Array.from({ length: count }, (_, k) => k as Partition);
}

export function partitionOfDpu(dpuId: DpuId, partitions: number): Partition {
  return (fnv1a32(tokenOfDpu(deviceOf(dpuId))) % partitions) as Partition;
}

/**
 * An id in a partition, for questions that are about the partition. Ids are given from 1 on, so there is hardly a space with it,
 * whose events would have to be reported, too.
 */
export function anySpaceOf(partition: Partition, partitions: number): SpaceId {
  let id = 4_294_967_295;
  while (partitionOfSpace(id as SpaceId, partitions) !== partition) id -= 1;
  return id as SpaceId;
}

export function partitionOfSpace(spaceId: SpaceId, partitions: number): Partition {
  return (fnv1a32(String(spaceId)) % partitions) as Partition;
}
