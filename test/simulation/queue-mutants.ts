// Deliberate bugs in which message a router consumes next, and in what a commit says of those that wait.
import { mutant, type Mutant } from './mutant.ts';

export const QUEUE_MUTANTS: readonly Mutant[] = [
  mutant(
    'a backlog is lost on restart',
    'return this.#hold(new Message(entry, seq === range.fromSeq ? range.index : 0, this.#readPayload));',
    '',
  ),
  mutant(
    'a commit may not have consumed a backlog',
    'previousReadingsSeq: consumedThrough(this.#committed)',
    'previousReadingsSeq: this.#committed.readingsSeq',
    'test/unit/fair-queue.test.ts',
  ),
  mutant(
    'a heartbeat overtakes what its DPU has waiting',
    'return entrySubjectOf(subject).dpuId ?? subject;',
    'return subject;',
    'test/unit/fair-queue.test.ts',
  ),
  mutant(
    'what returns after an outage goes ahead',
    '(message.firstMs ?? timeMs) <= LIVE_AGE_MAX_MS',
    '(message.firstMs ?? timeMs) <= Infinity',
    'test/unit/fair-queue.test.ts',
  ),
  mutant(
    'what waits has no part of a commit while something else comes',
    'const least = hadHeld || used === 0 ? 1 : 0;\n    return [...live, ...this.#takeHeld(Math.max(least, Math.floor(left)))];',
    'const least = used === 0 ? 1 : 0;\n    return [...live, ...this.#takeHeld(isQuiet ? Math.max(least, Math.floor(left)) : least)];',
    'test/unit/fair-queue.test.ts',
  ),
  mutant(
    'a commit names a range too few',
    'const begins = message.consumed > 0 || this.nextBegins;',
    'const begins = this.nextBegins;',
    'test/unit/held-messages.test.ts',
  ),
  mutant(
    'the clock does not wait for what waits',
    'Math.min(this.#readMs, this.#held.oldest?.entry.timeMs ?? Infinity)',
    'this.#readMs',
    'test/unit/fair-queue.test.ts',
  ),
  mutant(
    'after a restart the clock stays at what is read anew',
    'const { seq, subject, timeMs } = entry;\n    // It was read before the restart.',
    'const { seq, subject } = entry;\n    const timeMs = BEGINNING_MS;\n    //',
    'test/unit/fair-queue.test.ts',
  ),
  mutant(
    'what is consumed in the middle of a range stays in it',
    'this.#spans.splice(index, 1, ...parts.filter((part) => part.first <= part.last));',
    'if (slot === first || slot === last) this.#spans.splice(index, 1, ...parts.filter((part) => part.first <= part.last));',
    'test/unit/fair-queue.test.ts',
  ),
  mutant(
    'a commit may name any number of ranges',
    'return this.#spans.length >= this.#rangesMax;',
    'return false;',
    'test/unit/fair-queue.test.ts',
  ),
  mutant(
    'a message is consumed whole with its first slice',
    'this.consumed = slice.to;',
    'this.consumed = this.length;',
  ),
];
