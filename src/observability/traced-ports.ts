// Traces readings from the sensor to their rows, by observing the ports: what a router reads and commits, what a partition folds of
// that, and which block stores it in ClickHouse. Routers and folds know nothing about tracing.
//
// A commit of many readings is one span whose parent is the first sampled reading; the other readings are links.
import { type Context, type Link, type Span, trace } from '@opentelemetry/api';
import type { Block } from '../../actors/partition/block.ts';
import { commitOf } from '../domain/commit-codec.ts';
import type { Partition } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { History } from '../ports/history.ts';
import type { LogCursor } from '../ports/log.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import { replacing } from './observed-ports.ts';
import { contextOf, inSpan, isTracing, startSpan } from '../runtime/trace.ts';

/** Limits the commits of a partition that wait for their block; beyond it the oldest are dropped. */
const WAITING_MAX = 256;
const LINKS_MAX = 32;
/** The sampled flag is the lowest bit of a traceparent's flags. */
const SAMPLED = /[13579bdf]$/;

/** A commit that a partition has folded. Its rows have the sequence of the commit. */
interface FoldedCommit {
  readonly seq: number;
  readonly context: Context;
}

interface Taken {
  readonly traceparents: string[];
  readonly arrivedMs: number;
}

/** The traces of readings that are in progress in this process. */
export class PipelineTraces {
  /** By router: the readings it has read and not yet committed. */
  readonly #taken = new Map<Partition, Taken>();
  readonly #folded = new Map<Partition, FoldedCommit[]>();

  readings(log: ReadingsLog): ReadingsLog {
    return replacing(log, {
      open: async (partition, afterSeq) => {
        // A router that restarts reads the same entries again.
        this.#taken.delete(partition);
        return watching(await log.open(partition, afterSeq), (entries) => this.#take(partition, entries));
      },
    });
  }

  events(log: SpaceEventsLog): SpaceEventsLog {
    return replacing(log, {
      open: async (partition, ...from) => this.#folding(partition, await log.open(partition, ...from)),
      commit: async (header, sections, expectedSeq) => {
        const commit = (): ReturnType<SpaceEventsLog['commit']> => log.commit(header, sections, expectedSeq);
        // This commit follows a topology change. The readings that were read before go into the next one.
        if (header.isMove) return commit();
        const taken = this.#taken.get(header.router);
        this.#taken.delete(header.router);
        if (!isTracing() || !taken) return commit();
        const [first, ...others] = taken.traceparents;
        const attributes = {
          'density.shard': header.router,
          'density.sections': sections.size,
          'density.readings_seq': header.readingsSeq,
        };
        return inSpan(
          'route readings',
          { attributes, startTime: taken.arrivedMs, links: others.flatMap(linkTo) },
          commit,
          contextOf(first),
        );
      },
    });
  }

  history(history: History): History {
    return replacing(history, {
      storeBlock: async (block) => {
        const [parent, ...others] = isTracing() ? this.#carriedBy(block) : [];
        if (!parent) return history.storeBlock(block);
        const attributes = {
          'density.shard': block.partition,
          'density.block': block.number,
          'density.rows': block.rows.length,
        };
        const links = others.slice(0, LINKS_MAX).flatMap((commit) => link(commit.context));
        return inSpan('store block', { attributes, links }, () => history.storeBlock(block), parent.context);
      },
    });
  }

  #take(partition: Partition, entries: readonly StoredEntry[]): void {
    const [first] = entries;
    if (!isTracing() || !first) return;
    const taken = this.#taken.get(partition) ?? { traceparents: [], arrivedMs: first.timeMs };
    for (const { trace: traceparent } of entries) {
      if (traceparent !== undefined && SAMPLED.test(traceparent) && taken.traceparents.length <= LINKS_MAX)
        taken.traceparents.push(traceparent);
    }
    this.#taken.set(partition, taken);
  }

  /** Ends spans when the next entries are requested, because by then the previous ones are applied. */
  #folding(partition: Partition, cursor: LogCursor): LogCursor {
    let applying: Span[] = [];
    return replacing(cursor, {
      next: async (entriesMax) => {
        for (const span of applying) span.end();
        applying = [];
        const entries = await cursor.next(entriesMax);
        if (isTracing()) applying = entries.flatMap((entry) => this.#fold(partition, entry));
        return entries;
      },
    });
  }

  /** @returns no span if the commit does not concern the partition */
  #fold(partition: Partition, entry: StoredEntry): Span[] {
    if (entry.trace === undefined || !commitOf(entry).concerns(partition)) return [];
    const parent = contextOf(entry.trace);
    const span = startSpan(
      'fold events',
      { attributes: { 'density.shard': partition, 'density.space_events_seq': entry.seq } },
      parent,
    );
    const folded = this.#folded.get(partition) ?? [];
    folded.push({ seq: entry.seq, context: trace.setSpan(parent, span) });
    if (folded.length > WAITING_MAX) folded.shift();
    this.#folded.set(partition, folded);
    return [span];
  }

  #carriedBy({ partition, rows }: Block): FoldedCommit[] {
    const folded = this.#folded.get(partition) ?? [];
    if (folded.length === 0) return [];
    const seqs = new Set(rows.map(({ seq }) => seq));
    return folded.filter(({ seq }) => seqs.has(seq));
  }
}

function watching(cursor: LogCursor, see: (entries: readonly StoredEntry[]) => void): LogCursor {
  return replacing(cursor, {
    next: async (entriesMax) => {
      const entries = await cursor.next(entriesMax);
      see(entries);
      return entries;
    },
  });
}

function linkTo(traceparent: string): Link[] {
  return link(contextOf(traceparent));
}

function link(of: Context): Link[] {
  const spanContext = trace.getSpanContext(of);
  return spanContext ? [{ context: spanContext }] : [];
}
