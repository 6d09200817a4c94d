// The newest reading of a space at an instant, from history and memory together, as in runs.ts.
import type { SpaceReport } from '../../actors/partition/space-report.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import type { History } from '../ports/history.ts';

/**
 * @returns its event time; BEGINNING_MS if there is none at or before `atMs`, the instant of the report
 */
export async function newestReadingAt(
  report: SpaceReport,
  atMs: number,
  history: Pick<History, 'newestInstants'>,
): Promise<number> {
  if (report.lastReadingMs !== null && atMs >= report.watermarkMs) return report.lastReadingMs;
  const signs = new Map<number, number>();
  for (const { timestampMs, sign } of report.unstored)
    if (timestampMs <= atMs) signs.set(timestampMs, (signs.get(timestampMs) ?? 0) + sign);
  let inMemoryMs = BEGINNING_MS;
  for (const [timestampMs, sum] of signs) if (sum > 0) inMemoryMs = Math.max(inMemoryMs, timestampMs);
  let retracted = 0;
  for (const [timestampMs, sum] of signs) if (sum < 0 && timestampMs > inMemoryMs) retracted += 1;
  const stored = await history.newestInstants({
    spaceId: report.spaceId,
    block: report.storedBlock,
    afterMs: inMemoryMs,
    upToMs: atMs,
    expectedMs: report.watermarkMs,
    // The tail may retract all but one of these.
    limit: retracted + 1,
  });
  const standing = stored.find(({ timestampMs, readings }) => readings + (signs.get(timestampMs) ?? 0) > 0);
  return standing?.timestampMs ?? inMemoryMs;
}
