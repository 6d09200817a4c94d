// Which fault is injected into which process, and when: drawn from a seed, so that two runs inject the same faults.
// What the process is doing at that moment depends on the machine.
import type { Random } from '../simulation/random.ts';

export const SERVICES = ['service-1', 'service-2', 'service-3'] as const;
export const VICTIMS = [...SERVICES, 'nats-server', 'clickhouse'] as const;
export type VictimName = (typeof VICTIMS)[number];

/** The streams whose end may be lost. */
const STREAMS = ['READINGS', 'SPACE_EVENTS', 'TOPOLOGY', 'CHECKPOINTS'] as const;
type StreamName = (typeof STREAMS)[number];

export type Damage =
  | { readonly kind: 'cut'; readonly streams: readonly StreamName[]; readonly keptPart: number }
  | { readonly kind: 'flip'; readonly streams: readonly StreamName[]; readonly part: number }
  /** An older copy of the whole store. */
  | { readonly kind: 'restore' };

export type Fault = { readonly afterMs: number } & (
  | { readonly kind: 'kill'; readonly victim: VictimName }
  | { readonly kind: 'suspend'; readonly victim: VictimName; readonly forMs: number }
  /**
   * @property isAlone only nats-server is down during the damage; otherwise everything is
   * @property isAwaited readings are counted again first; otherwise the repair of an earlier damage may still be running
   */
  | { readonly kind: 'damage'; readonly isAlone: boolean; readonly isAwaited: boolean; readonly damage: Damage }
);

const SUSPENDED_SHARE = 0.2;
const [SUSPENDED_MIN_MS, SUSPENDED_MAX_MS] = [200, 8_000];
/** Five times the mean, because longer pauses would only waste time. */
const PAUSE_MAX = 5;
const DAMAGE_MS = 15_000;

export interface PlanOptions {
  readonly kills: number;
  readonly damages: number;
  /** Mean time between two kills. */
  readonly intervalMs: number;
}

export function drawPlan(random: Random, { kills, damages, intervalMs }: PlanOptions): Fault[] {
  const kinds: Fault['kind'][] = [];
  for (let n = 0; n < kills; n++) {
    if (random.chance(SUSPENDED_SHARE)) kinds.push('suspend');
    kinds.push('kill');
  }
  // Not first, when there would be nothing to lose.
  for (let n = 0; n < damages; n++) kinds.splice(random.int(Math.min(1, kinds.length), kinds.length), 0, 'damage');
  const meanMs = intervalMs * (kills / Math.max(1, kinds.length));
  return kinds.map((kind): Fault => {
    const afterMs = meanMs * Math.min(PAUSE_MAX, -Math.log(1 - random.next()));
    if (kind === 'damage')
      return { kind, afterMs, isAlone: random.chance(0.5), isAwaited: random.chance(0.7), damage: drawDamage(random) };
    const victim = random.pick(VICTIMS);
    return kind === 'kill'
      ? { kind, afterMs, victim }
      : { kind, afterMs, victim, forMs: random.int(SUSPENDED_MIN_MS, SUSPENDED_MAX_MS) };
  });
}

/** Roughly how long a fault takes, including the pause before it. */
export function expectedMs({ kind, afterMs }: Fault): number {
  return afterMs + (kind === 'damage' ? DAMAGE_MS : 0);
}

function drawDamage(random: Random): Damage {
  const kind = random.weighted({ cut: 3, flip: 2, restore: 2 });
  if (kind === 'restore') return { kind };
  const streams = random.chance(0.3) ? STREAMS : [random.pick(STREAMS)];
  return kind === 'cut' ? { kind, streams, keptPart: random.next() } : { kind, streams, part: random.next() };
}
