// The readings and changes sent while processes are killed: drawn from a seed, so that two runs send the same.
import type { Random } from '../simulation/random.ts';

export interface Load {
  readonly spaces: readonly string[];
  readonly doorways: readonly {
    readonly name: string;
    readonly ingress_space_id: number;
    readonly egress_space_id: number | null;
  }[];
  readonly dpus: readonly { readonly id: string; readonly doorway_id: number }[];
  readonly messages: readonly Message[];
  /** The changes a person makes meanwhile. Each is idempotent. */
  readonly moves: readonly { readonly method: string; readonly path: string; readonly body: unknown }[];
  readonly firstMs: number;
  readonly lastMs: number;
}

interface Message {
  readonly dpuId: string;
  readonly items: readonly { readonly timestamp: string; readonly direction: number; readonly id?: string }[];
}

const SPACES = 12;
const DPUS = 30;
const MOVES = 16;
const SPAN_MS = 6 * 3_600_000;
const READINGS_PER_MESSAGE = 20;
/** How far apart two neighbours in event time may be sent. */
const DISORDER_MESSAGES = 60;

export function drawLoad(random: Random, readings: number, nowMs: number, changes = MOVES): Load {
  // A minute ago, so that no reading is in the future of a slower clock.
  const [firstMs, lastMs] = [nowMs - 60_000 - SPAN_MS, nowMs - 60_000];
  const spaces = Array.from({ length: SPACES }, (_, n) => `space ${n + 1}`);
  const doorways = Array.from({ length: SPACES }, (_, n) => ({
    name: `doorway ${n + 1}`,
    ingress_space_id: n + 1,
    egress_space_id: n === 0 ? null : n,
  }));
  const dpus = Array.from({ length: DPUS }, (_, n) => ({ id: `c${n + 1}`, doorway_id: random.int(1, SPACES) }));
  // A few DPUs stay unregistered, so their readings are held.
  const senders = [...dpus.map(({ id }) => id), 'stray-1', 'stray-2'];
  const count = Math.ceil(readings / READINGS_PER_MESSAGE);
  const messages = Array.from({ length: count }, (_, n): Message & { readonly place: number } => {
    const startMs = firstMs + Math.floor((n / count) * (SPAN_MS - 30_000));
    const items = Array.from({ length: READINGS_PER_MESSAGE }, () => ({
      timestamp: new Date(startMs + random.int(0, 30_000)).toISOString(),
      direction: random.chance(0.52) ? 1 : -1,
      ...(random.chance(0.1) ? { id: `r${random.int(1, readings)}` } : {}),
    }));
    return {
      dpuId: random.pick(senders),
      items,
      place: n + (random.chance(0.1) ? random.int(0, count) : random.int(0, DISORDER_MESSAGES)),
    };
  });
  const repeated = messages
    .filter(() => random.chance(0.05))
    .map((message) => ({ ...message, place: message.place + random.int(0, count) }));
  const ordered = [...messages, ...repeated].sort((a, b) => a.place - b.place);
  const moves = Array.from({ length: changes }, () =>
    random.chance(0.7)
      ? {
          method: 'PATCH',
          path: `/dpus/${random.pick(dpus).id}`,
          body: {
            doorway_id: random.int(1, SPACES),
            effective_at: new Date(random.int(firstMs, lastMs)).toISOString(),
          },
        }
      : {
          method: 'POST',
          path: `/spaces/${random.int(1, SPACES)}/resets`,
          body: { timestamp: new Date(random.int(firstMs, lastMs)).toISOString(), count: random.int(0, 5) },
        },
  );
  return { spaces, doorways, dpus, messages: ordered, moves, firstMs, lastMs };
}
