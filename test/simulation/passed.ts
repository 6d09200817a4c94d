// Compares who passed a doorway or a DPU with the oracle.
import type { PassageInterval } from '../../src/counts/passages.ts';
import type { PassageSource } from '../../src/ports/history.ts';
import type { OracleEvent } from '../support/oracle.ts';

/** The oracle takes any one event of each reading, and swaps entrances and exits if it is of the egress space. */
function peoplePassing(
  events: Iterable<OracleEvent>,
  source: PassageSource,
  startMs: number,
  endMs: number,
): { entrances: number; exits: number } {
  const readings = new Map<string, OracleEvent>();
  for (const event of events) {
    const isOfSource = 'dpuId' in source ? event.dpuId === source.dpuId : event.doorwayId === source.doorwayId;
    if (!isOfSource || event.spaceId === 0 || event.timestampMs < startMs || event.timestampMs >= endMs) continue;
    readings.set(`${event.timestampMs} ${event.readingId}`, event);
  }
  let [entrances, exits] = [0, 0];
  for (const event of readings.values()) {
    entrances += event.isEgress ? event.exits : event.entrances;
    exits += event.isEgress ? event.entrances : event.exits;
  }
  return { entrances, exits };
}

/** @param events of all spaces on which the answer is based */
export function objectionsToPassages(
  found: readonly PassageInterval[],
  source: PassageSource,
  events: readonly OracleEvent[],
): string[] {
  return found.flatMap(({ startMs, endMs, entrances, exits }) => {
    const expected = peoplePassing(events, source, startMs, endMs);
    return expected.entrances === entrances && expected.exits === exits
      ? []
      : [
          `${JSON.stringify(source)} from ${startMs} to ${endMs}: ${entrances} in and ${exits} out, should be ${expected.entrances} and ${expected.exits}`,
        ];
  });
}
