// A grid of cards of which only those in sight exist, so that a thousand spaces cost as much as a screenful.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { LiveSpace } from '../live/live-spaces.ts';
import { SpaceCard } from './space-card.tsx';

/** The same as in overview.css. */
const [ROW_HEIGHT, GAP, CARD_MIN] = [172, 16, 264];
/** Rows beyond the edges, so that scrolling and the tab key find the next card. */
const OVERSCAN = 2;

interface Sight {
  readonly columns: number;
  readonly first: number;
  readonly last: number;
}

export function SpaceGrid({ spaces }: { readonly spaces: readonly LiveSpace[] }) {
  const list = useRef<HTMLUListElement>(null);
  const [{ columns, first, last }, setSight] = useState<Sight>({ columns: 1, first: 0, last: 8 });
  useLayoutEffect(() => {
    const look = (): void => {
      if (list.current) setSight((before) => sightOf(list.current, before));
    };
    look();
    const resized = new ResizeObserver(look);
    if (list.current) resized.observe(list.current);
    addEventListener('scroll', look, { passive: true });
    addEventListener('resize', look);
    return () => {
      resized.disconnect();
      removeEventListener('scroll', look);
      removeEventListener('resize', look);
    };
  }, []);
  const rows = Math.ceil(spaces.length / columns);
  const from = Math.min(first, Math.max(0, rows - 1));
  const shown = spaces.slice(from * columns, (last + 1) * columns);
  const below = Math.max(0, rows - 1 - last);
  return (
    <ul
      ref={list}
      class="grid"
      role="list"
      style={{
        gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
        paddingTop: `${from * ROW_HEIGHT}px`,
        paddingBottom: `${below * ROW_HEIGHT}px`,
      }}
    >
      {shown.map((space, index) => (
        <li key={space.space.peek().id} aria-setsize={spaces.length} aria-posinset={from * columns + index + 1}>
          <SpaceCard space={space} />
        </li>
      ))}
    </ul>
  );
}

/** @returns `before` itself if nothing changed, so that nothing is drawn */
function sightOf(list: HTMLElement | null, before: Sight): Sight {
  if (!list) return before;
  const { top, width } = list.getBoundingClientRect();
  const columns = Math.max(1, Math.floor((width + GAP) / (CARD_MIN + GAP)));
  const first = Math.max(0, Math.floor(-top / ROW_HEIGHT) - OVERSCAN);
  const last = Math.max(first, Math.ceil((innerHeight - top) / ROW_HEIGHT) + OVERSCAN);
  const isSame = columns === before.columns && first === before.first && last === before.last;
  return isSame ? before : { columns, first, last };
}
