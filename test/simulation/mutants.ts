// Deliberate bugs. Each is one change of the production sources, made in a build of the simulation
// (bundle.ts), so the sources themselves stay unchanged. `npm run sim:mutants` shows which seed
// catches each; a survivor shows what the simulation does not test.
import { DELETION_MUTANTS } from './deletion-mutants.ts';
import { EXCLUSION_MUTANTS } from './exclusion-mutants.ts';
import { DRY_RUN_MUTANTS } from './dry-run-mutants.ts';
import { EXPLANATION_MUTANTS } from './explanation-mutants.ts';
import { PASSAGE_MUTANTS } from './passage-mutants.ts';
import { PROFILE_MUTANTS } from './profile-mutants.ts';
import { KNOWN_MUTANTS } from './known-mutants.ts';
import { REVISED_MUTANTS } from './revised-mutants.ts';
import { LOSS_MUTANTS } from './loss-mutants.ts';
import { mutant, type Mutant } from './mutant.ts';
import { REPLAY_MUTANTS } from './replay-mutants.ts';
import { AUDIT_MUTANTS } from './audit-mutants.ts';
import { RESET_MUTANTS } from './reset-mutants.ts';
import { HOURS_MUTANTS } from './hours-mutants.ts';
import { LIVE_MUTANTS } from './live-mutants.ts';
import { QUEUE_MUTANTS } from './queue-mutants.ts';
import { SHARD_MUTANTS } from './shard-mutants.ts';
import { READING_MUTANTS } from './reading-mutants.ts';
import { SERIES_MUTANTS } from './series-mutants.ts';

export const MUTANTS: readonly Mutant[] = [
  mutant(
    'no expectation on the commit',
    'events.commit(header, draft.sections, this.#committedSeq)',
    'events.commit(header, draft.sections, (await events.lastCommit(partition)).seq)',
  ),
  mutant(
    'checkpoint before flush: unstored blocks are left out',
    'unstored: unstored.map(',
    'unstored: unstored.slice(0, 0).map(',
  ),
  mutant(
    'open rows left out of the checkpoint',
    '[...unstored, { number: rest.openNumber, rows: [...openRows] }]',
    '[...unstored]',
  ),
  mutant(
    'a checkpoint gets rows that come while it is encoded',
    'rows: [...openRows] }',
    'rows: openRows }',
    'test/unit/fold.test.ts',
  ),
  mutant(
    'a checkpoint has spaces as they are when they are encoded',
    'const spaces = states.map((state) => state.snapshot());',
    'const spaces = { *[Symbol.iterator]() { for (const state of states) yield state.snapshot(); } } as unknown as SpaceSnapshot[];',
    'test/unit/fold.test.ts',
  ),
  mutant(
    'a checkpoint has the tail of a correction as it is when it is encoded',
    'tail: correction.tail && { ...correction.tail } }',
    'tail: correction.tail }',
    'test/unit/space-state.test.ts',
  ),
  mutant('buffer left out of the checkpoint', 'for (const event of buffered) state.#buffer.add(event);', ''),
  mutant(
    'a token that is not deterministic',
    'return epoch === 0 ? `${logId}/${partition}/${number}`',
    'return epoch === 0 ? `${logId}/${partition}/${number}/${performance.now()}`',
  ),
  mutant(
    'wall clock in the fold',
    'Math.max(this.#logMs, stored.timeMs)',
    'Math.max(this.#logMs, 1_711_713_600_000 + performance.now())',
  ),
  mutant(
    'a space does not wait anew when a DPU has said something',
    'this.#due.wait(spaceId, state.dueOn(context));\n    if',
    'if (state.buffered === 1) this.#due.wait(spaceId, state.dueOn(context));\n    if',
    'test/unit/due-spaces.test.ts',
  ),
  mutant(
    'a space whose clock was reached too early is forgotten',
    'this.#due.wait(spaceId, state.dueOn(context));\n      return false;',
    'return false;',
    'test/unit/due-spaces.test.ts',
  ),
  mutant(
    'a DPU that has left is not waited for',
    'Math.max(neededMs, Math.min(neededMs, this.#at(at + TO)) + settings.idleTimeoutMs)',
    'neededMs + settings.idleTimeoutMs',
    'test/unit/due-spaces.test.ts',
  ),
  mutant(
    'buffered events of a checkpoint are not in the lowest sequence',
    'for (const { seq } of state.bufferedEvents()) this.#buffered.add(seq);',
    '',
    'test/unit/due-spaces.test.ts',
  ),
  mutant('watermark going back', 'return Math.max(this.#watermarkMs, reached);', 'return reached;'),
  mutant(
    'an older reading of a DPU replaces the newest',
    'if (this.#at(at) < timestampMs && this.list[n]?.dpuId === dpuId)',
    'if (this.list[n]?.dpuId === dpuId)',
    'test/unit/held-back-by.test.ts',
  ),
  mutant(
    'a new DPU lowers the watermark',
    'Math.max(this.#at(at + NEWEST), silentSinceMs, this.#at(at + FROM))',
    'Math.max(this.#at(at + NEWEST), silentSinceMs)',
    'test/unit/held-back-by.test.ts',
  ),
  mutant(
    'late reading dropped',
    "this.#lateEvents += 1;\n    emit({ type: 'eventLate', event });",
    'this.#lateEvents += 1;',
  ),
  mutant(
    'late reading does not change the live count',
    'this.#occupancy = { net: net + change, lowestNet: lowerBound };',
    'this.#occupancy = { net, lowestNet: lowerBound };',
  ),
  mutant(
    'lowest net not read again after a late reading',
    'if (this.#correction || lowerBound < 0) {',
    'if (this.#correction) {',
  ),
  mutant(
    'the first version of a document is forgotten when there is a second',
    'versions.set(id, present === undefined ? version : [present, version]);',
    'versions.set(id, version);',
  ),
  mutant(
    'readings without a timestamp are one if their fields are equal',
    'return `${measure}@${seq}_${index}` as Measure;',
    'return `${measure}@0_0` as Measure;',
  ),
  mutant(
    'an entrance through a doorway enters both of its spaces',
    'const entrances = isEgress ? passed.exits : passed.entrances;',
    'const entrances = passed.entrances;',
  ),
  mutant(
    'a line is in the partition of its own name',
    'fnv1a32(tokenOfDpu(deviceOf(dpuId)))',
    'fnv1a32(tokenOfDpu(dpuId))',
    'test/integration/readings-log.test.ts',
  ),
  mutant(
    'options apply from when TOPOLOGY stored them, even to payloads that were read before',
    'return Math.max(storedMs, afterMs);',
    'return storedMs + 0 * afterMs;',
    'test/unit/payloads-read-to.test.ts',
  ),
  mutant(
    'a payload is read as its device is configured now',
    'findLast(({ afterMs }) => afterMs < atMs)?.doc',
    'findLast(({ afterMs }) => afterMs < Infinity + atMs)?.doc',
  ),
  mutant(
    'a payload is read before the topology of its time is known',
    'if (entries.some(isPayload))',
    'if (entries.length < 0 && entries.some(isPayload))',
  ),
  mutant(
    'a named reading counts as newer than all readings in history',
    'return !dpu?.isLearned || reading.timestampMs <= dpu.newestStoredMs;',
    'return reading.name === undefined && (!dpu?.isLearned || reading.timestampMs <= dpu.newestStoredMs);',
  ),
  mutant(
    'window of tokens on the source table only',
    'ORDER BY (timestamp, ${READING_ID})\n  SETTINGS`',
    'ORDER BY (timestamp, ${READING_ID})`',
  ),
  mutant(
    'a window of tokens that is too short',
    '[WINDOW_MIN, WINDOW_MAX] = [10_000, ',
    '[WINDOW_MIN, WINDOW_MAX] = [100, ',
  ),
  mutant(
    'a retraction is stored as an assertion',
    'this.#add(output.event);',
    'this.#add({ ...output.event, sign: 1 });',
  ),
  mutant(
    'a block is totalled by its rows, not its readings',
    'cut: this.#totals.cut + block.readings',
    'cut: this.#totals.cut + block.rows.length',
  ),
  mutant('totals restart with a checkpoint', 'epoch,\n      totals,', 'epoch,'),
  mutant('a move retracts nothing', 'draft.retract(change.before, reading, was);', ''),
  mutant(
    'reset applied by arrival order',
    'if (reset.timestampMs <= atMs && reset.timestampMs >= found.timestampMs) found = reset;',
    'if (reset.timestampMs <= atMs) found = reset;',
  ),
  mutant(
    'the first of two resets at one instant wins',
    'reset.timestampMs >= found.timestampMs',
    'reset.timestampMs > found.timestampMs',
  ),
  mutant(
    'floor applied in arrival order',
    'else this.#events.splice(position, 0, event);',
    'else this.#events.push(event);',
  ),
  mutant(
    'unflushed tail counted twice',
    'const { filledBlock: storedBlock, epoch, seq, logMs } = fold;',
    'const { epoch, seq, logMs } = fold;\n  const storedBlock = fold.filledBlock + 1;',
  ),
  mutant(
    'a block counts as stored before it is',
    'if (block.number >= this.#storedEarlier) await',
    'if (block.number > this.#storedEarlier) await',
  ),
  mutant(
    'a block depends on an answer of history',
    'if (shift >= 0) return;',
    'if (shift >= 0 || this.#occupancy.lowestNet >= 0) return;',
    'test/unit/space-state.test.ts',
  ),
  mutant(
    'daily reset at the offset after the change of clocks',
    'return localMs - before;\n}',
    'return localMs - after;\n}',
  ),
  mutant(
    'restored readings are forgotten before their commit is stored',
    'for (const reading of readings) this.#memory.remember(reading, this.#commits);',
    'for (const reading of readings) this.#memory.remember(reading, 0);',
  ),
  mutant('a backlog begins with its message after a restart', 'seq === range.fromSeq ? range.index : 0', '0'),
  mutant('a DPU with a backlog overtakes it', 'this.#byDpu.has(dpu) ||', '', 'test/unit/fair-queue.test.ts'),
  mutant('deferred readings are purged', 'Math.min(consumedThrough(header), ', 'Math.min(header.readingsSeq, '),
  mutant(
    'an owner whose lease has run out answers',
    'return this.isServing && this.#lease.isValid;',
    'return this.isServing;',
  ),
  mutant('a second doorway of a space hides the first', 'sets.set(key, new Set([before, id]))', 'sets.set(key, id)'),
  mutant(
    'a standby that takes over reports only the stored blocks it knows itself',
    '({ revision: this.#revision, storedBeforeSeq: this.#storedBeforeSeq } = await checkpoints.last(partition));',
    'this.#revision = (await checkpoints.last(partition)).revision;',
    'test/unit/durable-fold.test.ts',
  ),
  mutant(
    '"now" is the clock of the process that is asked',
    'if (report.logMs > instantMs) {',
    'if (report.logMs > Infinity) {',
  ),
  mutant(
    'an answer ignores a reset that the space has not received yet',
    ' && isSameReset(report.base, resetInForce(schedule, atMs));',
    ';',
  ),
  mutant(
    'a refusal is based on what one process has read',
    'if (await this.catchUp().catch(unavailable)) continue;',
    '',
  ),
  mutant(
    'the live count ignores late readings',
    'this.#provisional.reset();\n    const lowerBound',
    'const lowerBound',
  ),
  mutant(
    'the live count is recomputed from after a reading that was overtaken',
    'if (this.#recent && compareEvents(event, this.#recent.last) <= 0) this.#recent = undefined;',
    '',
  ),
  mutant(
    'the newest reading is what it was after it was retracted',
    'else if (sum < 0 && timestampMs >= this.#ms) {',
    'else if (sum < 0 && timestampMs > this.#ms) {',
  ),
  mutant(
    'the newest reading is the newest that waits, also after the instant',
    'if (signs > 0 && timestampMs <= upToMs) return timestampMs;',
    'if (signs > 0) return timestampMs;',
  ),
  mutant(
    'the newest reading of an instant in the past is that of now',
    'if (report.lastReadingMs !== null && atMs >= report.watermarkMs) return',
    'if (report.lastReadingMs !== null) return',
  ),
  mutant(
    'what history says of the newest reading holds although more was retracted since',
    'if (this.#block !== block) return;',
    '',
    'test/unit/newest-reading.test.ts',
  ),
  mutant('a retraction is read as an assertion', 'sign: flag & ASSERTS ? 1 : -1', 'sign: 1'),
  mutant(
    'an instant in the log is cut to 32 bits',
    'writer.int(timestampMs - before);',
    'writer.int((timestampMs - before) | 0);',
  ),
  mutant(
    'a section is read as the previous partition',
    'this.#sections.set(partition, [start, start + length]);',
    'this.#sections.set(lengths[Math.max(0, lengths.findIndex(([other]) => other === partition) - 1)]?.[0] ?? partition, [start, start + length]);',
  ),
  mutant('the committed offset leaves out the item within a message', 'writer.uint(index);', 'writer.uint(0);'),
  mutant('a router refuses for its timestamp what HTTP has accepted', '!(acceptedMs > latestMs)', 'acceptedMs > 0'),
  mutant(
    'a mark is accepted without verifying its signature',
    'return is.length === shouldBe.length && timingSafeEqual(is, shouldBe) ? acceptedMs : latestMs;',
    'return is.length > 0 || timingSafeEqual(is, shouldBe) ? acceptedMs : latestMs;',
  ),
  mutant(
    'readings accepted over HTTP are not marked',
    'log.append(dpuId, data, bound.mark(dpuId, data, latestMs))',
    'log.append(dpuId, data)',
  ),
  mutant(
    'a misspelled topic is taken for a heartbeat',
    "return named.length === 1 ? KINDS.get(named[0]?.toLowerCase() ?? '') : undefined;",
    "return 'heartbeat';",
  ),
  mutant('a dead letter stands for one item', 'this.items += 1;', 'this.items = 1;'),
  mutant(
    'the dead letters of a message depend on how much of it is consumed',
    'forEachItem(message, 0, message.length,',
    'forEachItem(message, 0, message.consumed,',
  ),
  mutant(
    'the bad items of a message count as one',
    'intake.dead += 1;',
    'if (!intake.withBadItems.has(message)) intake.dead += 1;',
  ),
  mutant('a backlog is dropped after its slice', 'if (messages) this.#byDpu.set(dpu, messages);', ''),
  mutant(
    'a log with a hole is folded',
    'seq > lastSeq + 1 && seq > storedBeforeSeq',
    'seq < 0',
    'test/unit/fold.test.ts',
  ),
  mutant('the age of a block with a late row is forgotten on restart', 'lateMs: this.#lateMs,', 'lateMs: null,'),
  mutant(
    'how old the late block before became is forgotten on restart',
    'lateBefore: this.#lateBefore,',
    'lateBefore: null,',
  ),
  mutant(
    'a checkpoint without compare-and-set',
    'commitSeqs, snapshot }, this.#revision)',
    'commitSeqs, snapshot }, (await checkpoints.load(partition))?.revision ?? 0)',
  ),
  mutant(
    'a router follows the first fact of a batch alone',
    'for (const fact of factsOf(entry.fact)) { if (fact.kind === ',
    'for (const fact of factsOf(entry.fact).slice(0, 1)) { if (fact.kind === ',
  ),
  mutant(
    'an import places a DPU from now on, whatever the document says',
    "decide(placement, { kind: 'placeDpu', id, doorwayId, effectiveMs });",
    "decide(placement, { kind: 'placeDpu', id, doorwayId, effectiveMs: nowMs });",
    'test/unit/import-topology.test.ts',
  ),
  ...HOURS_MUTANTS,
  ...LIVE_MUTANTS,
  ...SHARD_MUTANTS,
  ...QUEUE_MUTANTS,
  ...READING_MUTANTS,
  ...SERIES_MUTANTS,
  ...REPLAY_MUTANTS,
  ...EXPLANATION_MUTANTS,
  ...PASSAGE_MUTANTS,
  ...PROFILE_MUTANTS,
  ...KNOWN_MUTANTS,
  ...REVISED_MUTANTS,
  ...DRY_RUN_MUTANTS,
  ...EXCLUSION_MUTANTS,
  ...DELETION_MUTANTS,
  ...RESET_MUTANTS,
  ...AUDIT_MUTANTS,
  ...LOSS_MUTANTS,
];
