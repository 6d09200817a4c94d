// The scenario of a seed.
import { ActionWriter, START_MS } from './action-writer.ts';
import { drawSettings } from './draw-settings.ts';
import { withImports } from './document-of.ts';
import { Random } from './random.ts';
import { withReplays } from './replay-story.ts';
import type { Action, LosableLog, Scenario } from './scenario.ts';

const LOSABLE: readonly LosableLog[] = ['READINGS', 'SPACE_EVENTS', 'TOPOLOGY', 'CHECKPOINTS'];
/** Logs go back in one of this many seeds. */
export const LOSSES_EVERY = 4;
/** In every so many, what is registered is imported, with and without losses. */
const IMPORTS_EVERY = 3;
/** In every so many, letters are replayed with changing options of a device, unless the topology is to be quiet. */
export const REPLAYS_EVERY = 5;

export function drawScenario(seed: number): Scenario {
  const random = new Random(seed);
  const writer = new ActionWriter(random);
  const isTopologyQuiet = random.chance(0.3);
  writer.building();
  // Many short scenarios and some long ones: most bugs need only a few actions at an unlucky moment.
  const actions = random.chance(0.2) ? random.int(60, 140) : random.int(15, 60);
  for (let n = 0; n < actions; n++) writer.next(isTopologyQuiet);
  const scenario = {
    seed,
    startMs: START_MS,
    isTopologyQuiet,
    isPersonPatient: false,
    partitions: random.int(1, 3),
    failureRate: random.pick([0, 0.01, 0.03, 0.08]),
    pageReadings: random.pick([2, 7, 5_000]),
    settings: drawSettings(random),
    leases: random.pick(['kept', 'none']),
    commitItems: random.pick([2, 7, 1_000]),
    hasLosses: false,
    actions: seed % IMPORTS_EVERY === 2 ? withImports(writer.actions) : writer.actions,
  } satisfies Scenario;
  if (seed % LOSSES_EVERY === 0)
    return withFlips(withLosses(scenario, new Random(seed ^ 0x1055)), new Random(seed ^ 0xf11b));
  const altered = withAltered(scenario, new Random(seed ^ 0xa17e));
  return seed % REPLAYS_EVERY === 0 && !isTopologyQuiet ? withReplays(altered, new Random(seed ^ 0x4e91)) : altered;
}

/** Not in scenarios with losses: a repair takes READINGS as it finds it. */
function withAltered(scenario: Scenario, random: Random): Scenario {
  if (random.chance(0.7)) return scenario;
  const actions = [...scenario.actions];
  for (let times = random.int(1, 3); times > 0; times--) {
    const alter: Action = { kind: 'alter', messages: random.int(1, 12) };
    actions.splice(random.int(Math.floor(actions.length / 3), actions.length), 0, alter);
  }
  return { ...scenario, actions };
}

/**
 * Not in these: options of a device that the topology lost and got back hold from then on, and not from when they were set
 * (docs/adr/0088).
 */
const NOT_WITH_LOSSES = new Set<Action['kind']>(['rebuild', 'logClock', 'device', 'forgetDevice']);

/** A repair of the logs relies on leases, so that no process runs a shard meanwhile. */
function withLosses(scenario: Scenario, random: Random): Scenario {
  const actions = scenario.actions.filter(({ kind }) => !NOT_WITH_LOSSES.has(kind));
  for (let losses = random.int(1, 3); losses > 0; losses--) {
    const logs = LOSABLE.filter(() => random.chance(0.5));
    const lose: Action = {
      kind: 'lose',
      logs: logs.length > 0 ? logs : [random.pick(LOSABLE)],
      share: random.pick([0.1, 0.3, 1, random.next()]),
      isPowerFailure: random.chance(0.4),
    };
    actions.splice(random.int(Math.floor(actions.length / 2), actions.length), 0, lose);
  }
  return { ...scenario, leases: 'kept', hasLosses: true, actions };
}

/** In half of the scenarios with losses single messages of READINGS become unreadable, in a quarter nothing else. */
function withFlips(scenario: Scenario, random: Random): Scenario {
  if (random.chance(0.5)) return scenario;
  const actions = random.chance(0.5) ? scenario.actions.filter(({ kind }) => kind !== 'lose') : [...scenario.actions];
  for (let flips = random.int(1, 3); flips > 0; flips--) {
    const flip: Action = { kind: 'flip', messages: random.int(1, 6), isPowerFailure: random.chance(0.4) };
    actions.splice(random.int(Math.floor(actions.length / 2), actions.length), 0, flip);
  }
  return { ...scenario, actions };
}
