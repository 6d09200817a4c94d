// Which spaces are listed, and in which order.
import { locale } from '../i18n/i18n.ts';
import type { LiveSpace } from './live-spaces.ts';
import { shareOf } from './fullness.ts';

export type Sort = 'fullness' | 'count' | 'name';

const names = new Intl.Collator(locale, { numeric: true, sensitivity: 'base' });

interface Row {
  readonly known: LiveSpace;
  readonly name: string;
  readonly count: number;
  /** -1 without a capacity, so that such spaces come last. */
  readonly share: number;
}

/** Takes the counts as they are now. Later changes do not move anything. */
export function listed(all: Iterable<LiveSpace>, search: string, sort: Sort): LiveSpace[] {
  const wanted = search.trim().toLocaleLowerCase(locale);
  const rows = [...all].map(rowOf).filter(({ name }) => name.toLocaleLowerCase(locale).includes(wanted));
  return rows.sort((a, b) => compare(a, b, sort)).map(({ known }) => known);
}

function rowOf(known: LiveSpace): Row {
  const { name, capacity } = known.space.peek();
  const count = known.live.peek()?.count ?? 0;
  return { known, name, count, share: shareOf(count, capacity) ?? -1 };
}

function compare(a: Row, b: Row, sort: Sort): number {
  const byShare = sort === 'fullness' ? b.share - a.share : 0;
  const byCount = sort === 'name' ? 0 : b.count - a.count;
  // Comparing names is much slower than comparing numbers.
  return byShare || byCount || names.compare(a.name, b.name);
}
