// Removes the end of NATS's streams, flips bits in single messages, and collects the surviving readings from everywhere a reading can survive.
import { decodeSnapshot } from '../../actors/partition/snapshot.ts';
import { decodeCommit } from '../../src/domain/commit-codec.ts';
import { consumedThrough } from '../../src/domain/commit.ts';
import { identityOf } from '../../src/domain/reading.ts';
import { readingOf } from '../../src/domain/space-event.ts';
import { routerSubject } from '../../src/nats/streams.ts';
import type { OracleReading } from '../support/oracle.ts';
import { parseReadingId } from '../support/oracle-readings.ts';
import type { MemoryTables } from './engines/memory-history.ts';
import type { MemoryStreams } from './engines/memory-streams.ts';
import type { Random } from './random.ts';
import type { Action, LosableLog } from './scenario.ts';

const LAST_ENTRIES = 40;

export function lose(streams: MemoryStreams, { logs, share }: Extract<Action, { kind: 'lose' }>, random: Random): void {
  const kept = (length: number): number => length - Math.ceil(Math.min(length, LAST_ENTRIES) * share);
  for (const log of logs) loseEnd(streams, log, kept, random);
}

/** Messages that were removed are not damaged. */
export function flip({ readings }: MemoryStreams, messages: number, random: Random): void {
  for (let n = 0; n < messages; n++) {
    const seq = readings.lastSeq - random.int(0, LAST_ENTRIES - 1);
    if (seq >= readings.firstSeq) readings.damage(seq);
  }
}

/**
 * Messages that were routed are returned with other timestamps. Not the last one of a router: it would notice that READINGS has
 * another message there. Nor one with dead letters, which a router that was superseded would store again.
 */
export function alter(
  { readings, events, letters, evictedKeys }: MemoryStreams,
  messages: number,
  random: Random,
): void {
  const rejected = new Set([...letters.keys(), ...evictedKeys].map((key) => Number(key.split('.')[1])));
  for (let n = 0; n < messages; n++) {
    const entry = readings.at(readings.lastSeq - random.int(0, LAST_ENTRIES - 1));
    const commit = entry && events.last(routerSubject(Number(entry.subject.split('.')[1])));
    if (!commit) continue;
    const { header } = decodeCommit(commit);
    if (entry.seq > consumedThrough(header) || entry.seq === header.readingsSeq || rejected.has(entry.seq)) continue;
    const text = new TextDecoder().decode(entry.data);
    const flipped = text.replaceAll(/\dZ"/g, ([digit]) => `${Number(digit) ^ 1}Z"`);
    readings.alter(entry.seq, new TextEncoder().encode(flipped));
  }
}

function loseEnd(streams: MemoryStreams, log: LosableLog, kept: (length: number) => number, random: Random): void {
  switch (log) {
    case 'READINGS':
      return streams.readings.loseAfter(kept(streams.readings.lastSeq));
    case 'SPACE_EVENTS':
      return streams.events.loseAfter(kept(streams.events.lastSeq));
    case 'TOPOLOGY':
      return void streams.topology.splice(kept(streams.topology.length));
    case 'CHECKPOINTS':
      for (const partition of [...streams.checkpoints.keys()]) {
        // The checkpoint that a newer one replaced is often lost with it.
        const older = random.chance(0.5)
          ? streams.olderCheckpoints.findLast(([other]) => other === partition)?.[1]
          : undefined;
        if (older) streams.checkpoints.set(partition, older);
        else if (random.chance(0.5)) streams.checkpoints.delete(partition);
      }
  }
}

/** The readings in SPACE_EVENTS and in checkpoints. */
export function readingsInLogs({ events, checkpoints, partitions }: MemoryStreams): OracleReading[] {
  const found: OracleReading[] = [];
  for (const entry of events.everything) {
    if (!events.at(entry.seq)) continue;
    const commit = decodeCommit(entry);
    for (const partition of commit.partitions)
      found.push(...(commit.section(partition)?.events ?? []).map(oracleReadingOf));
  }
  for (const [partition, { snapshot }] of checkpoints) {
    const reading = decodeSnapshot(partition, partitions, snapshot);
    let step = reading.next();
    while (!step.done) step = reading.next();
    found.push(...step.value.allUnstoredEvents().map(oracleReadingOf));
  }
  return found;
}

export function readingsInTables({ known, spaceEvents }: MemoryTables): OracleReading[] {
  return [
    ...[...known.values()].map((reading) => parseReadingId(identityOf(reading), reading.dpuId)),
    ...spaceEvents.map(oracleReadingOf),
  ];
}

function oracleReadingOf(event: Parameters<typeof readingOf>[0]): OracleReading {
  return parseReadingId(identityOf(readingOf(event)), event.dpuId);
}
