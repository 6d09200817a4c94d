// A reading of an adapter in the form in which a device could have sent it itself, as parsed by parse-reading.ts.
import { formatInstant } from '../domain/instant.ts';
import { isToken } from '../domain/ids.ts';
import type { AdaptedReading } from './adapter.ts';
import { revisionOf } from './corrections.ts';

const EPOCH_LENGTH_MAX = 64;

export function readingBodyOf({ dpuId, reading }: AdaptedReading): object {
  const { timestampMs, id } = reading;
  return {
    dpu_id: dpuId,
    ...(timestampMs === null ? {} : { timestamp: formatInstant(timestampMs) }),
    ...passedIn(reading),
    ...(id === undefined ? {} : { id }),
  };
}

function passedIn(reading: AdaptedReading['reading']): object {
  if ('direction' in reading) return { direction: reading.direction };
  if ('entrances' in reading) {
    const { entrances, exits, startMs } = reading;
    const revision = revisionOf(reading);
    return {
      entrances,
      exits,
      ...(startMs === undefined ? {} : { start: formatInstant(startMs) }),
      ...(revision === undefined ? {} : { revision }),
    };
  }
  const { totalEntrances, totalExits, counterEpoch } = reading;
  const totals = { total_entrances: totalEntrances, total_exits: totalExits };
  return counterEpoch === undefined ? totals : { ...totals, counter_epoch: epochToken(counterEpoch) };
}

/**
 * A device may identify a run of a counter by its start time, for example, but the epoch in a reading may contain
 * only letters, digits, `_` and `-`.
 */
function epochToken(epoch: string): string {
  const escaped = epoch.replaceAll(/[^A-Za-z0-9-]/g, (character) => `_${character.charCodeAt(0).toString(16)}`);
  return isToken(epoch) ? epoch : escaped.slice(-EPOCH_LENGTH_MAX);
}
