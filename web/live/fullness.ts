// How full a space is.

const [NEARLY, FULL] = [0.8, 1];

export type Level = 'ok' | 'nearly' | 'full';

export function levelOf(share: number): Level {
  if (share >= FULL) return 'full';
  return share >= NEARLY ? 'nearly' : 'ok';
}

/** Count relative to the capacity; undefined if the space has none. */
export function shareOf(count: number, capacity: number | null): number | undefined {
  if (capacity === null) return undefined;
  return capacity === 0 ? 1 : count / capacity;
}
