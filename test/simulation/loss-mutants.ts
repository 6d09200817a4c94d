// Deliberate bugs that only show when a log goes back.
import { LOSSES_EVERY } from './draw-scenario.ts';
import { mutant, type Mutant } from './mutant.ts';

// Lines of the inspection whose order matters.
const LAST_COMMITS =
  'const last = await Promise.all(allPartitions(partitions).map((router) => readable(() => events.lastCommit(router))));';
const ENDS = 'const [logEnd, readingsBounds] = [await events.bounds(), await readings.bounds()];';

function lossMutant(name: string, find: string, replace: string, test?: string): Mutant {
  return { ...mutant(name, find, replace, test), step: LOSSES_EVERY };
}

export const LOSS_MUTANTS: readonly Mutant[] = [
  lossMutant(
    'an offset that is ahead of the log is accepted',
    'if (seq === 0) return true;\n  if (seq > lastSeq) return false;\n  const entry',
    'if (seq === 0) return true;\n  if (seq > lastSeq) return true;\n  const entry',
    'test/unit/marked-logs.test.ts',
  ),
  lossMutant(
    'the entry at a committed offset is not compared',
    'return mark === null || isMarked(entry, mark);',
    'return true;',
  ),
  lossMutant(
    'a commit beyond the end of the log is accepted',
    'if (seq > lastSeq) return false;\n  const there',
    'const there',
  ),
  lossMutant(
    'another commit at a mark is accepted',
    'return there === undefined || there === UNREADABLE || there === commitId;',
    'return true;',
    'test/unit/inspect-logs.test.ts',
  ),
  lossMutant(
    'the log of one router is shorter than a checkpoint says',
    'lastSeq < foldedSeq',
    'lastSeq < 0',
    'test/unit/inspect-logs.test.ts',
  ),
  lossMutant(
    'a router that continued from elsewhere than the checkpoint is accepted',
    'if (!next || next.previousSeq === foldedSeq) return [];',
    'if (!next || next.previousSeq >= 0) return [];',
    'test/unit/inspect-logs.test.ts',
  ),
  lossMutant(
    'a checkpoint whose log is truncated is accepted',
    'return missing === undefined ? []',
    'return missing !== -1 ? []',
    'test/unit/inspect-logs.test.ts',
  ),
  lossMutant(
    'blocks are not compared',
    'block.epoch < epoch.current || (await isThere(events, block.mark, end))',
    'block.epoch <= epoch.current',
    'test/unit/inspect-logs.test.ts',
  ),
  lossMutant(
    'an unfinished repair counts as done',
    'if (begun !== done) return',
    'if (begun < done) return',
    'test/unit/inspect-logs.test.ts',
  ),
  lossMutant(
    'the end of a log is read before the records about it',
    `${LAST_COMMITS}\n  await deps.catchUpTopology();\n  ${ENDS}`,
    `${ENDS}\n  await deps.catchUpTopology();\n  ${LAST_COMMITS}`,
    'test/unit/inspect-logs.test.ts',
  ),
  lossMutant(
    'the copy of the topology is not compared',
    'copied && topology.digestAt(copied.seq) !== copied.digest',
    'copied && copied.seq < 0',
    'test/unit/inspect-logs.test.ts',
  ),
  lossMutant('a repair begins no epoch', '.map((block) => block.epoch)) + 1;', '.map((block) => block.epoch));'),
  lossMutant(
    'a repair leaves blocks of lost commits as they are',
    'if (block === undefined) continue;',
    'if (block !== -1) continue;',
    'test/unit/repair-logs.test.ts',
  ),
  lossMutant(
    'a repair ignores checkpoints',
    'for (const event of step.value.allUnstoredEvents()) this.#suspect(readingOf(event));',
    '',
  ),
  lossMutant('a repair ignores the log', '?.events.forEach((event) => this.#suspect(readingOf(event)));', ';'),
  lossMutant(
    'a reading counts as complete if any row of it survived',
    'for (let signs = claim?.signs ?? 0; signs < 1; signs++) events.push(event);',
    'if (!claim && claims.length === 0) events.push(event);',
  ),
  lossMutant(
    'a repair keeps an offset into the lost part',
    'const readingsSeq = isKept ? last.readingsSeq :',
    'const readingsSeq = isKept || last ? last.readingsSeq :',
  ),
  lossMutant(
    'a repair keeps the account of lost readings',
    'counters: { received, fresh, held, excluded, deleted, duplicate, dead } };',
    'counters: header.counters };',
  ),
  lossMutant(
    'a repair leaves what depends on a lost reading as it was',
    'if (dependent) readings.set(identityOf(dependent), dependent);',
    '',
    'test/unit/repair-logs.test.ts',
  ),
  lossMutant(
    'a repair restores nothing in the topology',
    'for (const { seq, fact } of missing) {',
    'for (const { seq, fact } of missing.slice(0, 0)) {',
  ),
  lossMutant(
    'shards are run while the logs are repaired',
    'if (!isSuspended) await suspendShards();',
    '',
    'test/unit/log-guard.test.ts',
  ),
  lossMutant(
    'the repair does not wait until others have released their shards',
    'if (!(await this.#takeAll(leases, held, signal))) return;',
    '',
    'test/unit/log-guard.test.ts',
  ),
  lossMutant(
    'a router continues with a topology that it has not followed',
    'if (!isFollowed(topology, this.#committed)) throw',
    'if (topologySeq < 0) throw',
    'test/unit/router-followed.test.ts',
  ),
  lossMutant(
    'commits of another epoch are folded',
    'if (epoch === this.#epoch) this.#applyCommit(stored, commit);',
    'if (epoch >= 0) this.#applyCommit(stored, commit);',
    'test/unit/fold.test.ts',
  ),
  lossMutant(
    'readings are purged by their sequence alone',
    'Math.min(deps.now() - deps.keptMs, beforeMs)',
    'deps.now() - deps.keptMs',
    'test/unit/readings-retention.test.ts',
  ),
  lossMutant(
    'readings are purged before a router has restarted in a log that went back',
    'if (!(await isConsumed(readings, header.readingsSeq, header.readingsMark, await readings.bounds()))) return NOTHING;',
    '',
    'test/unit/readings-retention.test.ts',
  ),
  lossMutant(
    'messages that cannot be read are not reported',
    'found.push(...(await checkUnreadable(deps, routedSeq, readingsBounds)));',
    'await checkUnreadable(deps, routedSeq, readingsBounds);',
  ),
  lossMutant(
    'messages that cannot be read are reported again and again',
    '!reported.some(([from, to]) => from <= seq && seq <= to)',
    'seq > 0 || reported.length < 0',
  ),
  lossMutant(
    'messages that cannot be read are forgotten if their repair is killed',
    '(await records.begunReports()).flatMap((begun) => unreadableIn(begun) ?? [])',
    'found ? [found] : []',
    'test/unit/repair-logs.test.ts',
  ),
  lossMutant(
    'messages that cannot be read are looked for only once',
    'this.#deps.unreadable.lookAgain();',
    '',
    'test/unit/log-guard.test.ts',
  ),
  lossMutant(
    'messages that a router has passed over are not looked for',
    'afterSeq: Math.min(knownSeq, routedSeq, unfinishedSeq)',
    'afterSeq: Math.min(routedSeq, unfinishedSeq)',
    'test/unit/unreadable-readings.test.ts',
  ),
  lossMutant(
    'messages that cannot be read, and whose commits are lost, are not looked for',
    'afterSeq: Math.min(knownSeq, routedSeq, unfinishedSeq)',
    'afterSeq: Math.min(knownSeq, unfinishedSeq)',
    'test/unit/unreadable-readings.test.ts',
  ),
  lossMutant(
    'a process that was just started takes messages that cannot be read for routed',
    'this.#routedSeq ?? (await this.#deps.storedSeq())',
    'routedSeq',
    'test/unit/unreadable-readings.test.ts',
  ),
  lossMutant(
    'messages are counted, wherever the last of them is',
    'finish(Number(message.headers?.get(SEQUENCE)) === toSeq)',
    'finish(true)',
    'test/integration/unreadable-readings.test.ts',
  ),
  lossMutant(
    'the last routed message counts as lost if it cannot be read',
    'if (keptSeq === consumedSeq) return null;',
    '',
  ),
  lossMutant(
    'a repair begins at a message that cannot be read',
    'if (seq < firstSeq || (await readings.at(seq)) !== undefined) return Math.max(0, seq);',
    'return Math.max(0, seq);',
  ),
  lossMutant(
    'readings are purged before the logs were inspected',
    'if (isInDoubt()) return NOTHING;',
    '',
    'test/unit/readings-retention.test.ts',
  ),
  lossMutant(
    'blocks are stored while the logs are in doubt',
    'await logs?.untilSound(signal);\n      if (signal.aborted) return;\n      if (timing',
    'if (timing',
    'test/unit/shard-loops.test.ts',
  ),
  lossMutant(
    'what is begun does not wait until the logs are sound',
    'await this.#deps.logs?.untilSound(own);',
    '',
    'test/unit/shard-loops.test.ts',
  ),
];
