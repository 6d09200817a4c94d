// The place of an answer, as clients see it: everything that an answer about a space depends on, besides the question. With
// it the same answer can be given again, even after late readings and corrections (docs/adr/0105). Clients treat it as opaque. It is
// not signed: a client that invents one gets a wrong answer to its own question, and nothing else.
import { checkOf } from './check-digit.ts';
import type { SpaceId } from './ids.ts';
import { BEGINNING_MS } from './instant.ts';
import type { LogPlace } from './log-place.ts';

export interface AsOf extends LogPlace {
  readonly spaceId: SpaceId;
  /** The last entry of TOPOLOGY that is included, and the digest of the log up to there. */
  readonly topologySeq: number;
  readonly topologyDigest: number;
  readonly watermarkMs: number;
  /** The instant that the question was about, or the last one. */
  readonly atMs: number;
  readonly isStale: boolean;
}

const NUMBER = '[\\da-z]{1,11}';
const TEXT = new RegExp(
  `^(counts-(${NUMBER})-(${NUMBER})-(${NUMBER})-(${NUMBER})-(${NUMBER})-(${NUMBER})-(${NUMBER})-([01]))-(${NUMBER})$`,
);
export const AS_OF_PATTERN = '^counts(-[0-9a-z]{1,11}){9}$';

export function formatAsOf(asOf: AsOf): string {
  const { spaceId, epoch, seq, topologySeq, topologyDigest, watermarkMs, atMs, isStale } = asOf;
  const times = [watermarkMs, atMs].map((ms) => ms - BEGINNING_MS);
  const numbers = [spaceId, epoch, seq, topologySeq, topologyDigest, ...times].map((number) => number.toString(36));
  const text = `counts-${numbers.join('-')}-${isStale ? 1 : 0}`;
  return `${text}-${checkOf(text)}`;
}

/** @returns undefined for any other text, also if a character was mistyped */
export function parseAsOf(text: string): AsOf | undefined {
  const [, checked, ...parts] = TEXT.exec(text) ?? [];
  if (checked === undefined || checkOf(checked) !== parts.at(-1)) return undefined;
  const numbers = parts.map((part) => Number.parseInt(part, 36));
  if (numbers.some((number) => !Number.isSafeInteger(number))) return undefined;
  const [spaceId = 0, epoch = 0, seq = 0, topologySeq = 0, topologyDigest = 0, watermark = 0, at = 0, stale] = numbers;
  return {
    spaceId: spaceId as SpaceId,
    epoch,
    seq,
    topologySeq,
    topologyDigest,
    watermarkMs: watermark + BEGINNING_MS,
    atMs: at + BEGINNING_MS,
    isStale: stale === 1,
  };
}
