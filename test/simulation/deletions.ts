// Deletions of single readings in a scenario.
import type { DpuId } from '../../src/domain/ids.ts';
import { readingOfIdentity } from '../../src/domain/reading.ts';
import { factsOf } from '../../src/domain/topology.ts';
import type { TopologyCommand } from '../../src/domain/topology-command.ts';
import { readingIdOf } from '../support/oracle-readings.ts';
import type { MemoryStreams } from './engines/memory-streams.ts';
import type { Action } from './scenario.ts';
import { sentIn } from './sent.ts';

/** The command of an action; undefined if there is no such reading. */
export function deletionCommand(
  { kind, which }: Extract<Action, { kind: 'deleteReading' | 'restoreReading' }>,
  streams: MemoryStreams,
): TopologyCommand | undefined {
  const reading = readingOfIdentity(typeof which === 'string' ? which : (nth(idsFor(kind, streams), which) ?? ''));
  if (!reading) return undefined;
  return kind === 'restoreReading' ? { kind, reading } : { kind, reading, reason: 'a test of the sensor' };
}

/** The ids of the readings in a message that is not sent yet; those without a timestamp have none before. */
export function idsIn(dpuId: DpuId, text: string, latestMs: number): string[] {
  const entry = {
    seq: 1,
    subject: `readings.0.${dpuId}.readings`,
    data: new TextEncoder().encode(text),
    timeMs: latestMs,
  };
  return sentIn([entry])
    .readings.filter(({ place }) => place === undefined)
    .map(readingIdOf);
}

function idsFor(kind: 'deleteReading' | 'restoreReading', { readings, topology }: MemoryStreams): string[] {
  if (kind === 'deleteReading') return sentIn(readings.everything, topology).readings.map(readingIdOf);
  return topology
    .flatMap(({ fact }) => factsOf(fact))
    .flatMap((fact) => (fact.kind === 'deletion' && !fact.doc.restored ? [fact.doc.readingId] : []));
}

function nth(ids: readonly string[], n: number): string | undefined {
  return ids[n % ids.length];
}
