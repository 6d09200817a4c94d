// The events of a live stream as JSON.
import { BEGINNING_MS, formatInstant } from '../domain/instant.ts';
import type { CorrectingChange, LiveCount } from '../live/feed-message.ts';
import type { LiveEvent } from '../live/subscriber.ts';
import { instantOrNull } from './counts-json.ts';
import { API_PREFIX } from './routes/route.ts';

export function liveEventJson(event: LiveEvent): object {
  switch (event.kind) {
    case 'snapshot':
    case 'change':
      return liveCountJson(event.item);
    case 'correction': {
      const { spaceId, fromMs, toMs, cause, seq, change } = event.item;
      return {
        space_id: spaceId,
        from: formatInstant(Math.max(0, fromMs)),
        to: formatInstant(toMs),
        cause,
        sequence: seq,
        ...(change ? { change: changeJson(change) } : {}),
      };
    }
    case 'lagged':
      return { skipped: event.skipped };
  }
}

function changeJson({ seq, kind }: CorrectingChange): object {
  return { sequence: seq, kind: kind === 'batch' ? 'import' : kind, url: `${API_PREFIX}/audit?sequence=${seq}` };
}

function liveCountJson({
  spaceId,
  seq,
  timestampMs,
  count,
  net,
  lastReadingMs,
  watermarkMs,
  isSettled,
  isStale,
}: LiveCount): object {
  return {
    space_id: spaceId,
    sequence: seq,
    timestamp: formatInstant(timestampMs),
    count,
    net,
    drift: count - net,
    last_reading_at: instantOrNull(lastReadingMs),
    watermark: instantOrNull(watermarkMs),
    final: watermarkMs > BEGINNING_MS && timestampMs <= watermarkMs,
    settled: isSettled,
    ...(isStale ? { stale: true } : {}),
  };
}
