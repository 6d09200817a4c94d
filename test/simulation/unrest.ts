import type { MemoryStreams } from './engines/memory-streams.ts';
import type { SimProcess } from './process.ts';

/** What a process still has to do until everything in the logs is routed, final and stored; empty if nothing. */
export function unrestOf({ shards, topology, isSound }: SimProcess, streams: MemoryStreams): string {
  if (!isSound) return 'the logs are not sound';
  for (const { fold, router, isServing } of shards) {
    if (!fold || !router || !isServing) return 'a shard is not running';
    if (router.committed.topologySeq < streams.topology.length || topology.history.seq < streams.topology.length)
      return 'the topology is not followed';
    if (
      router.committed.readingsSeq <
      (streams.readings.everything.findLast(({ subject }) => subject.startsWith(`readings.${fold.partition}.`))?.seq ??
        0)
    )
      return 'readings are not routed';
    if (router.committed.waiting.length > 0) return 'messages wait to be routed';
    if (fold.seq < streams.events.lastSeq) return 'events are not applied';
    if (fold.buffering.size > 0) return `space ${[...fold.buffering].join()} has events that are not final`;
    if (fold.openRows.length > 0 || fold.unstored.length > 0) return 'blocks are not stored';
    if (fold.correcting.size > 0) return 'a correction is due';
  }
  return '';
}
