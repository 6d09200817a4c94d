// Deliberate bugs in how a process becomes the owner of a shard.
import { mutant, type Mutant } from './mutant.ts';

const COPY_TEST = 'test/unit/shard-copy.test.ts';
const MEMBERSHIP_TEST = 'test/unit/membership.test.ts';

export const SHARD_MUTANTS: readonly Mutant[] = [
  mutant('a new owner answers before it has caught up', 'await this.#until(() => this.#fold.fold.seq >= end);', ''),
  mutant(
    'a copy that becomes the owner expects the checkpoint that it was restored from',
    'await this.#fold.promote();',
    '',
    COPY_TEST,
  ),
  mutant(
    'no copy is made while the lease is held by another process',
    "invoke: { src: 'keepCopy', onError: {} },",
    '',
    COPY_TEST,
  ),
  mutant(
    'a copy is kept however far it is behind the last checkpoint',
    'if (await this.#loops?.isOutdated()) await this.#stopLoops();',
    '',
    COPY_TEST,
  ),
  mutant(
    'a process that starts says that every member it finds has ended',
    'this.#earlier = (await leases.members()).filter((other) => other.instanceId === instanceId);',
    'this.#earlier = await leases.members();',
  ),
  mutant(
    'a process without an instance says that others without one have ended',
    'if (instanceId === undefined) return;',
    '',
  ),
  mutant(
    'a process that is restarted gets other shards than it had',
    'ids.set(ids.has(name) ? id : name, id);',
    'ids.set(id, id);',
    MEMBERSHIP_TEST,
  ),
  mutant(
    'shards are assigned to a member that has ended and been succeeded',
    'if (instances.has(instanceId)) continue;',
    '',
    MEMBERSHIP_TEST,
  ),
  mutant(
    'a process that has succeeded another is ready before it has taken its leases',
    'filter(({ value }) => this.#members.has(value))',
    'filter(() => true)',
    MEMBERSHIP_TEST,
  ),
];
