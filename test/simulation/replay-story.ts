// Somebody corrects the options of a device again and again, and replays what could not be used with each of them. Drawn
// beside the other actions, because they rarely meet in them.
import { deviceOf } from '../../src/domain/ids.ts';
import { REJECT_REASONS } from '../../src/domain/reading.ts';
import { PayloadWriter } from './payload-writer.ts';
import type { Random } from './random.ts';
import type { Action, Scenario } from './scenario.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const REASONS = REJECT_REASONS.filter((reason) => ['bad_payload', 'future', 'clock_unset'].includes(reason));

/**
 * Scatters the story over the second half of a scenario. The log's clock does not go back in it: options would then apply to
 * payloads that have been read without them (docs/adr/0088).
 */
export function withReplays(scenario: Scenario, random: Random): Scenario {
  const devices = scenario.actions.flatMap((action) => (action.kind === 'dpu' ? [deviceOf(action.dpuId)] : []));
  if (devices.length === 0) return scenario;
  const writer = new PayloadWriter(random, [random.pick(devices)]);
  const nowMs = scenario.actions.reduce(
    (ms, action) => (action.kind === 'sleep' ? ms + action.ms : ms),
    scenario.startMs,
  );
  const rejected = (): number => random.pick([0, nowMs + random.int(HOUR, 2 * HOUR)]);
  const someInstant = (): number => (random.chance(0.5) ? nowMs - random.int(0, HOUR) : rejected());
  const actions = scenario.actions.filter(({ kind }) => kind !== 'logClock');
  const half = Math.floor(actions.length / 2);
  const places = Array.from({ length: random.int(12, 24) }, () => random.int(half, actions.length));
  for (const [n, place] of places.sort((a, b) => a - b).entries())
    actions.splice(place + n, 0, nextAction(writer, random, random.chance(0.6) ? rejected : someInstant));
  return { ...scenario, actions };
}

function nextAction(writer: PayloadWriter, random: Random, someInstant: () => number): Action {
  const kind = random.weighted({ payload: 3, device: 3, replay: 4 });
  if (kind === 'payload') return writer.next(someInstant);
  if (kind === 'device') return writer.nextDevice();
  const reason = random.chance(0.5) ? { reason: random.pick(REASONS) } : {};
  return { kind, shiftMs: random.pick([0, 0, 0, -3 * HOUR]), dpuId: null, ...reason };
}
