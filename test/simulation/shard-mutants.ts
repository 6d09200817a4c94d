// Deliberate bugs in how a process becomes the owner of a shard.
import { mutant, type Mutant } from './mutant.ts';

const COPY_TEST = 'test/unit/shard-copy.test.ts';

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
];
