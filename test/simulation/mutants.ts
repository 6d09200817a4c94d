// Deliberate bugs. Each is one change of the production sources, made in a build of the simulation
// (bundle.ts), so that nothing in the sources knows of it. `npm run sim:mutants` shows which seed
// catches each; one that survives shows what the simulation does not test.
import type { Patch } from './bundle.ts';

export interface Mutant {
  readonly name: string;
  readonly patch: Patch;
}

const ROUTER = 'src/router/router.ts';
const FOLD = 'actors/shard/partition-fold.ts';
const SPACE = 'actors/space/space-state.ts';
const SNAPSHOT = 'actors/shard/snapshot.ts';
const HOST = 'src/shards/partition-host.ts';

function mutant(name: string, file: string, find: string, replace: string): Mutant {
  return { name, patch: { file, find, replace } };
}

export const MUTANTS: readonly Mutant[] = [
  mutant('no expectation on the commit', ROUTER, 'events.commit(position, payloads, this.#positionSeq)', 'events.commit(position, payloads, (await events.lastPosition(partition)).seq)'),
  mutant('checkpoint before flush: unstored blocks are left out', SNAPSHOT, 'unstored: fold.unstored.map(', 'unstored: fold.unstored.slice(0, 0).map('),
  mutant('open rows left out of the checkpoint', SNAPSHOT, 'openRows: fold.openRows.map(toLoggedTuple)', 'openRows: []'),
  mutant('buffer left out of the checkpoint', SNAPSHOT, 'buffer: state.buffer.items().map(toLoggedTuple)', 'buffer: []'),
  mutant('a token that is not deterministic', 'actors/shard/block.ts', 'return `${logId}/${partition}/${number}`', 'return `${logId}/${partition}/${number}/${performance.now()}`'),
  mutant('wall clock in the fold', FOLD, 'Math.max(this.logMs, stored.timeMs)', 'Math.max(this.logMs, 1_711_713_600_000 + performance.now())'),
  mutant('watermark going back', SPACE, 'return Math.max(this.watermarkMs, reached);', 'return reached;'),
  mutant('a DPU that arrives lowers the watermark', 'actors/space/watermark.ts',
    'const heardMs = silentSinceMs >= toMs ? clockMs : Math.max(newestMs.get(dpuId) ?? BEGINNING_MS, silentSinceMs, fromMs);',
    'if (fromMs > clockMs || silentSinceMs >= toMs) continue;\n    const heardMs = Math.max(newestMs.get(dpuId) ?? BEGINNING_MS, silentSinceMs);'),
  mutant('late reading dropped', SPACE, 'this.lateEvents += 1;\n    context.emit(event);', 'this.lateEvents += 1;'),
  mutant('late reading does not change the live count', SPACE, 'this.occupancy = { net: net + change, low: lowAtLeast };', 'this.occupancy = { net, low: lowAtLeast };'),
  mutant('floor not read again after a late reading', SPACE, 'if (this.correction || lowAtLeast < 0) {', 'if (this.correction) {'),
  mutant('duplicate memory lost on restart', ROUTER, 'for (const { reading, seq: at } of takeIn(known, this.#deps.skewMs).readings) this.#memory.remember(reading, at);', ''),
  mutant('duplicates are remembered and never looked up', ROUTER, '&& this.#memory.mayBeStored(reading)', '&& false'),
  mutant('memory forgets what is not stored', ROUTER, 'findIndex(({ seq }) => seq >= storedBeforeSeq)', 'findIndex(({ seq }) => seq > storedBeforeSeq + 40)'),
  mutant('of two readings with one id the first to arrive counts', ROUTER, 'if (!takesPrecedence(reading, before)) return;', 'return;'),
  mutant('window of tokens on the source table only', 'src/clickhouse/schema.ts', 'ORDER BY (space_id, minute)\n  SETTINGS ${WINDOW}', 'ORDER BY (space_id, minute)'),
  mutant('retraction without its rollup', 'actors/shard/partition-fold.ts', 'this.openRows.push(event);', 'this.openRows.push({ ...event, sign: 1 });'),
  mutant('a move takes nothing back', ROUTER, 'draft.say(change.before, reading, -1);', ''),
  mutant('reset applied by arrival order', 'src/domain/reset-schedule.ts', 'if (reset.timestampMs <= atMs && reset.timestampMs >= found.timestampMs) found = reset;', 'if (reset.timestampMs <= atMs) found = reset;'),
  mutant('of two resets at one instant the first wins', 'src/domain/reset-schedule.ts', 'reset.timestampMs >= found.timestampMs', 'reset.timestampMs > found.timestampMs'),
  mutant('floor applied in arrival order', 'actors/space/reorder-buffer.ts', 'else this.#events.splice(position, 0, event);', 'else this.#events.push(event);'),
  mutant('unflushed tail counted twice', 'actors/shard/space-report.ts', 'const { storedBlock } = fold;', 'const storedBlock = fold.storedBlock + 1;'),
  mutant('a block is taken for stored before it is', HOST, 'if (block.number >= this.#storedEarlier) await', 'if (block.number > this.#storedEarlier) await'),
  mutant('a block depends on what history answered', SPACE, 'if (shift >= 0) return;', 'if (shift >= 0 || this.occupancy.low >= 0) return;'),
  mutant('daily reset at the offset after the change of clocks', 'src/domain/zone.ts', 'return localMs - before;\n}', 'return localMs - after;\n}'),
  mutant('a checkpoint without compare-and-set', HOST, 'storedBeforeSeq, snapshot }, this.#revision)', 'storedBeforeSeq, snapshot }, (await checkpoints.load(partition))?.revision ?? 0)'),
];
