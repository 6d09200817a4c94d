// Deliberate bugs. Each is one change of the production sources, made in a build of the simulation
// (bundle.ts), so that nothing in the sources knows of it. `npm run sim:mutants` shows which seed
// catches each; one that survives shows what the simulation does not test.
import type { Patch } from './bundle.ts';
import { LOSSES_EVERY } from './scenario.ts';

export interface Mutant {
  readonly name: string;
  readonly patch: Patch;
  /** Only every so many seeds can catch it; all where it is missing. */
  readonly step?: number;
}

const ROUTER = 'src/router/router.ts';
const MEMORY = 'src/router/reading-memory.ts';
const FOLD = 'actors/shard/partition-fold.ts';
const SPACE = 'actors/space/space-state.ts';
const SNAPSHOT = 'actors/shard/snapshot.ts';
const HOST = 'src/shards/partition-host.ts';
const CODEC = 'src/domain/commit-codec.ts';
const QUEUE = 'src/router/fair-queue.ts';
const MARKED = 'src/router/marked-logs.ts';
const INSPECT = 'src/recovery/inspect-logs.ts';
const REPAIR = 'src/recovery/repair-logs.ts';
const RETENTION = 'src/router/readings-retention.ts';

// Lines of INSPECT whose order matters.
const LAST_COMMITS = 'const last = await Promise.all(allPartitions(partitions).map((router) => readable(() => events.lastCommit(router))));';
const ENDS = 'const [logEnd, readingsBounds] = [await events.bounds(), await readings.bounds()];';

function mutant(name: string, file: string, find: string, replace: string): Mutant {
  return { name, patch: { file, find, replace } };
}

/** A bug that shows only where a log goes back. */
function lossMutant(name: string, file: string, find: string, replace: string): Mutant {
  return { ...mutant(name, file, find, replace), step: LOSSES_EVERY };
}

export const MUTANTS: readonly Mutant[] = [
  mutant('no expectation on the commit', ROUTER, 'events.commit(header, draft.sections, this.#committedSeq)', 'events.commit(header, draft.sections, (await events.lastCommit(partition)).seq)'),
  mutant('checkpoint before flush: unstored blocks are left out', SNAPSHOT, 'unstored: fold.unstored.map(', 'unstored: fold.unstored.slice(0, 0).map('),
  mutant('open rows left out of the checkpoint', SNAPSHOT, '[...fold.unstored, { number: fold.openNumber, rows: fold.openRows }]', '[...fold.unstored]'),
  mutant('buffer left out of the checkpoint', SNAPSHOT, 'for (const event of buffered) state.buffer.add(event);', ''),
  mutant('a token that is not deterministic', 'actors/shard/block.ts', 'return epoch === 0 ? `${logId}/${partition}/${number}`', 'return epoch === 0 ? `${logId}/${partition}/${number}/${performance.now()}`'),
  mutant('wall clock in the fold', FOLD, 'Math.max(this.logMs, stored.timeMs)', 'Math.max(this.logMs, 1_711_713_600_000 + performance.now())'),
  mutant('watermark going back', SPACE, 'return Math.max(this.watermarkMs, reached);', 'return reached;'),
  mutant('a DPU that arrives lowers the watermark', 'actors/space/watermark.ts',
    'const heardMs = silentSinceMs >= toMs ? clockMs : Math.max(newestMs.get(dpuId) ?? BEGINNING_MS, silentSinceMs, fromMs);',
    'if (fromMs > clockMs || silentSinceMs >= toMs) continue;\n    const heardMs = Math.max(newestMs.get(dpuId) ?? BEGINNING_MS, silentSinceMs);'),
  mutant('late reading dropped', SPACE, 'this.lateEvents += 1;\n    context.emitLate(event);', 'this.lateEvents += 1;'),
  mutant('late reading does not change the live count', SPACE, 'this.occupancy = { net: net + change, low: lowAtLeast };', 'this.occupancy = { net, low: lowAtLeast };'),
  mutant('floor not read again after a late reading', SPACE, 'if (this.correction || lowAtLeast < 0) {', 'if (this.correction) {'),
  mutant('duplicate memory lost on restart', ROUTER, 'for (const { reading } of takeIn([slice], this.#deps.latestOf).readings) this.#memory.remember(reading, entry.seq);', ''),
  mutant('duplicates are remembered and never looked up', ROUTER, '&& this.#memory.mayBeStored(reading)', '&& false'),
  mutant('memory forgets what is not stored', ROUTER, 'findIndex(({ seq }) => seq >= storedBeforeSeq)', 'findIndex(({ seq }) => seq > storedBeforeSeq + 40)'),
  mutant('the id alone is the identity', MEMORY, "return name === undefined ? unnamed : `${unnamed} ${name}`;", 'return name ?? unnamed;'),
  mutant('the id is no part of the identity', MEMORY, "return name === undefined ? unnamed : `${unnamed} ${name}`;", 'return unnamed;'),
  mutant('the direction is no part of the identity of a named reading', MEMORY, "`${unnamed} ${name}`", '`${timestampMs} ${name}`'),
  mutant('a named reading counts as newer than all that history holds', MEMORY,
    'return newestStoredMs === undefined || reading.timestampMs <= newestStoredMs;', 'return reading.name === undefined && (newestStoredMs === undefined || reading.timestampMs <= newestStoredMs);'),
  mutant('window of tokens on the source table only', 'src/clickhouse/schema.ts', 'ORDER BY (space_id, minute)\n  SETTINGS`', 'ORDER BY (space_id, minute)`'),
  mutant('a window of tokens that is too short', 'src/clickhouse/schema.ts', '[WINDOW_MIN, WINDOW_MAX] = [10_000, ', '[WINDOW_MIN, WINDOW_MAX] = [100, '),
  mutant('retraction without its rollup', FOLD, 'this.openRows.push(event);\n    this.lateMs ??= this.logMs;', 'this.openRows.push({ ...event, sign: 1 });\n    this.lateMs ??= this.logMs;'),
  mutant('a block is totalled by its rows, not its readings', FOLD, 'cut: this.totals.cut + block.readings', 'cut: this.totals.cut + block.rows.length'),
  mutant('totals begin anew with a checkpoint', SNAPSHOT, 'fold.totals = header.totals;', ''),
  mutant('a move retracts nothing', ROUTER, 'draft.retract(change.before, reading);', ''),
  mutant('reset applied by arrival order', 'src/domain/reset-schedule.ts', 'if (reset.timestampMs <= atMs && reset.timestampMs >= found.timestampMs) found = reset;', 'if (reset.timestampMs <= atMs) found = reset;'),
  mutant('of two resets at one instant the first wins', 'src/domain/reset-schedule.ts', 'reset.timestampMs >= found.timestampMs', 'reset.timestampMs > found.timestampMs'),
  mutant('floor applied in arrival order', 'actors/space/reorder-buffer.ts', 'else this.#events.splice(position, 0, event);', 'else this.#events.push(event);'),
  mutant('unflushed tail counted twice', 'actors/shard/space-report.ts', 'const { storedBlock, seq, logMs } = fold;', 'const { seq, logMs } = fold;\n  const storedBlock = fold.storedBlock + 1;'),
  mutant('a block is taken for stored before it is', HOST, 'if (block.number >= this.#storedEarlier) await', 'if (block.number > this.#storedEarlier) await'),
  mutant('a block depends on what history answered', SPACE, 'if (shift >= 0) return;', 'if (shift >= 0 || this.occupancy.low >= 0) return;'),
  mutant('daily reset at the offset after the change of clocks', 'src/domain/zone.ts', 'return localMs - before;\n}', 'return localMs - after;\n}'),
  mutant('a backlog is taken for routed after a restart', ROUTER, 'take(isWaiting ? consumed : Infinity)', 'take(Infinity)'),
  mutant('a backlog is lost on restart', ROUTER, 'if (isWaiting) this.#queue.resume(entry, consumed);', ''),
  mutant('a backlog is not what a commit may have consumed', ROUTER, 'previousReadingsSeq: consumedThrough(this.#committed)', 'previousReadingsSeq: this.#committed.readingsSeq'),
  mutant('a DPU with a backlog overtakes it', QUEUE, '[this.#backlogs.has(subject), this.#backlogs.size < BACKLOGS_MAX]', '[false, this.#backlogs.size < BACKLOGS_MAX]'),
  mutant('readings that are set aside are purged', 'src/router/readings-retention.ts', 'Math.min(consumedThrough(header), ', 'Math.min(header.readingsSeq, '),
  mutant('an owner whose lease has run out answers', 'src/shards/shard-runner.ts', 'return this.isServing && this.#lease.isValid;', 'return this.isServing;'),
  mutant('a new owner answers before it has caught up', 'src/shards/hosting.ts', 'const end = await events.end();', 'const end = 0;'),
  mutant('a standby that takes over says of the log only what it knows itself', HOST, '({ revision: this.#revision, storedBeforeSeq: this.#storedBeforeSeq } = await checkpoints.last(partition));', 'this.#revision = (await checkpoints.last(partition)).revision;'),
  mutant('now is what the clock of the process says that is asked', 'src/counts/counts.ts', 'if (report.logMs > instantMs) {', 'if (report.logMs > Infinity) {'),
  mutant('an answer leaves out a reset that the log has not told the space', 'src/counts/counts.ts', ' && isSameReset(report.base, resetInForce(schedule, atMs));', ';'),
  mutant('a refusal is decided on what one process has heard', 'src/topology/topology-service.ts', 'if (await this.catchUp().catch(unavailable)) continue;', ''),
  mutant('the live count leaves out what came late', SPACE, 'this.#provisional = undefined;\n    const lowAtLeast', 'const lowAtLeast'),
  mutant('a retraction is read as an assertion', CODEC, 'sign: flag & ASSERTS ? 1 : -1', 'sign: 1'),
  mutant('an instant in the log is cut to 32 bits', CODEC, 'writer.int(timestampMs - before);', 'writer.int((timestampMs - before) | 0);'),
  mutant('a section is read as that of the partition before', CODEC, 'this.#sections.set(partition, [start, start + length]);', 'this.#sections.set(lengths[Math.max(0, lengths.findIndex(([other]) => other === partition) - 1)]?.[0] ?? partition, [start, start + length]);'),
  mutant('the committed offset leaves out the item within a message', CODEC, 'writer.uint(index);', 'writer.uint(0);'),
  mutant('a message is consumed whole with its first slice', 'src/router/message.ts', 'this.consumed = slice.to;', 'this.consumed = this.length;'),
  mutant('a router refuses for its timestamp what HTTP has accepted', 'src/publishing/timestamp-bound.ts', '!(acceptedMs > latestMs)', 'acceptedMs > 0'),
  mutant('a mark is believed whoever made it', 'src/publishing/timestamp-bound.ts', 'return is.length === shouldBe.length && timingSafeEqual(is, shouldBe) ? acceptedMs : latestMs;', 'return is.length > 0 || timingSafeEqual(is, shouldBe) ? acceptedMs : latestMs;'),
  mutant('what HTTP accepts is not marked', 'src/publishing/append-readings.ts', 'log.append(dpuId, data, bound.mark(dpuId, data, latestMs))', 'log.append(dpuId, data)'),
  mutant('a dead letter stands for one item', 'src/router/letters.ts', 'this.items += 1;', 'this.items = 1;'),
  mutant('the letters of a message are those of what is consumed of it', 'src/router/letters.ts', 'forEachItem(message, 0, message.length,', 'forEachItem(message, 0, message.consumed,'),
  mutant('the bad items of a message count as one', 'src/router/intake.ts', 'intake.dead += 1;', 'if (!intake.spoiled.has(message)) intake.dead += 1;'),
  mutant('a backlog that has had its turn is gone', QUEUE, 'if (messages.length > 0) this.#backlogs.set(subject, messages);', ''),
  mutant('a log with a hole is folded', FOLD, 'if (stored.seq !== this.seq + 1) throw', 'if (stored.seq < 0) throw'),
  mutant('the age of a block with a late row is forgotten on restart', SNAPSHOT, 'lateMs: fold.lateMs', 'lateMs: null'),
  mutant('a checkpoint without compare-and-set', HOST, 'commitSeqs, snapshot }, this.#revision)', 'commitSeqs, snapshot }, (await checkpoints.load(partition))?.revision ?? 0)'),
  lossMutant('an offset that is ahead of the log is accepted', MARKED, "if (seq === 0) return true;\n  if (seq > lastSeq) return false;\n  const entry", "if (seq === 0) return true;\n  if (seq > lastSeq) return true;\n  const entry"),
  lossMutant('what stands at a committed offset is not looked at', MARKED, 'return mark === null || isMarked(entry, mark);', 'return true;'),
  lossMutant('a commit that the log does not reach is accepted', MARKED, "if (seq > lastSeq) return false;\n  const there", 'const there'),
  lossMutant('another commit at a mark is accepted', MARKED, 'return there === undefined || there === UNREADABLE || there === commitId;', 'return true;'),
  lossMutant('the log of one router is shorter than a checkpoint says', INSPECT, 'lastSeq < foldedSeq', 'lastSeq < 0'),
  lossMutant('a router that went on from elsewhere than the checkpoint is accepted', INSPECT, 'if (!next || next.previousSeq === foldedSeq) return [];', 'if (!next || next.previousSeq >= 0) return [];'),
  lossMutant('a checkpoint whose log is truncated is accepted', INSPECT, 'return missing === undefined ? []', 'return missing !== -1 ? []'),
  lossMutant('blocks are not looked at', INSPECT, 'block.epoch < epoch.current || await isThere(events, block.mark, end)', 'block.epoch <= epoch.current'),
  lossMutant('a repair that was not finished is taken for done', INSPECT, 'if (begun !== done) return', 'if (begun < done) return'),
  lossMutant('where a log ends is asked before what is recorded of it', INSPECT, `${LAST_COMMITS}\n  await deps.catchUpTopology();\n  ${ENDS}`, `${ENDS}\n  await deps.catchUpTopology();\n  ${LAST_COMMITS}`),
  lossMutant('the copy of the topology is not compared', INSPECT, 'copied && topology.digestAt(copied.seq) !== copied.digest', 'copied && copied.seq < 0'),
  lossMutant('a repair begins no epoch', REPAIR, '.map((block) => block.epoch)) + 1;', '.map((block) => block.epoch));'),
  lossMutant('a repair leaves blocks of lost commits as they are', REPAIR, 'if (block === undefined) continue;', 'if (block !== -1) continue;'),
  lossMutant('a repair does not look into checkpoints', REPAIR, 'for (const event of step.value.allUnstoredEvents()) suspect(readingOf(event));', ''),
  lossMutant('a repair does not look into the log', REPAIR, '?.events.forEach((event) => suspect(readingOf(event)));', ';'),
  lossMutant('a reading is whole where any row of it survived', 'src/recovery/reconcile.ts', 'for (let signs = claim?.signs ?? 0; signs < 1; signs++) events.push(event);', 'if (!claim && claims.length === 0) events.push(event);'),
  lossMutant('a repair keeps an offset into what is lost', REPAIR, 'const readingsSeq = isKept ? last.readingsSeq :', 'const readingsSeq = isKept || last ? last.readingsSeq :'),
  lossMutant('a repair keeps the account of what is lost', REPAIR, 'counters: { received: fresh + duplicate + dead, fresh, held, duplicate, dead } };', 'counters: header.counters };'),
  lossMutant('a repair puts nothing back into the topology', 'src/recovery/repair-topology.ts', 'of missing) {', 'of missing.slice(0, 0)) {'),
  lossMutant('shards are run while the logs are repaired', 'src/recovery/log-guard.ts', 'if (!isSuspended) await suspendShards();', ''),
  lossMutant('the repair does not wait for others to give up their shards', 'src/recovery/log-guard.ts', 'if (!await this.#takeAll(leases, held, signal)) return;', ''),
  lossMutant('a router goes on by a topology that it has not followed', ROUTER, 'if (!isFollowed(topology, this.#committed)) throw', 'if (topologySeq < 0) throw'),
  lossMutant('commits of another epoch are folded', FOLD, 'if (epoch === this.epoch) this.#applyCommit(stored, commit);', 'if (epoch >= 0) this.#applyCommit(stored, commit);'),
  lossMutant('readings are purged by their sequence alone', RETENTION, 'Math.min(deps.now() - deps.keptMs, beforeMs)', 'deps.now() - deps.keptMs'),
  lossMutant('what is begun does not wait until the logs are sound', 'src/shards/hosting.ts', 'await this.#deps.logs?.untilSound(own);', ''),
];
