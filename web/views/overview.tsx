import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { formatNumber } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { levelOf, shareOf } from '../live/fullness.ts';
import { firstCounts, isLoaded, spaces, type LiveSpace } from '../live/live-spaces.ts';
import { listed, type Sort } from '../live/space-order.ts';
import { Notice } from '../parts/notice.tsx';
import { DOORS } from '../route.ts';
import { SpaceGrid } from '../parts/space-grid.tsx';
import { useTitle } from '../use-title.ts';

/** Cards that changed places with every reading could not be read. */
const SORT_EVERY_MS = 2_000;
const SORTS: readonly { readonly value: Sort; readonly text: string }[] = [
  { value: 'fullness', text: messages.sortFullness },
  { value: 'count', text: messages.sortCount },
  { value: 'name', text: messages.sortName },
];

export function Overview() {
  useTitle(messages.overview);
  const search = useSignal('');
  const sort = useSignal<Sort>('fullness');
  const tick = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => (tick.value += 1), SORT_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  // Reading them draws this again.
  void [tick.value, firstCounts.value];
  const all = [...spaces.value.values()];
  const shown = listed(all, search.value, sort.value);
  if (!isLoaded.value) return <Notice text={messages.loading} />;
  if (all.length === 0) return <NoSpaces />;
  return (
    <>
      <div class="toolbar">
        <h1>{messages.overview}</h1>
        <Totals spaces={all} />
        <label class="field is-search">
          <span class="visually-hidden">{messages.search}</span>
          <input
            type="search"
            placeholder={messages.search}
            value={search.value}
            onInput={(event) => (search.value = event.currentTarget.value)}
          />
        </label>
        <label class="field is-inline">
          <span>{messages.sortBy}</span>
          <select
            value={sort.value}
            onChange={({ currentTarget: { value } }) =>
              (sort.value = SORTS.find((each) => each.value === value)?.value ?? 'fullness')
            }
          >
            {SORTS.map(({ value, text }) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <p class="hint is-count">{messages.spacesShown(formatNumber(shown.length), formatNumber(all.length))}</p>
      </div>
      {shown.length === 0 ? <Notice text={messages.noMatch} /> : <SpaceGrid spaces={shown} />}
    </>
  );
}

/** As of the last sort: people and full spaces. */
function Totals({ spaces: all }: { readonly spaces: readonly LiveSpace[] }) {
  let people = 0;
  const levels = { ok: 0, nearly: 0, full: 0 };
  for (const { space, live } of all) {
    const count = live.peek()?.count ?? 0;
    people += count;
    const share = shareOf(count, space.peek().capacity);
    if (share !== undefined) levels[levelOf(share)] += 1;
  }
  return (
    <dl class="totals">
      <Total name={messages.totalPeople} value={people} />
      <Total name={messages.nearlyFull} value={levels.nearly} level="nearly" />
      <Total name={messages.full} value={levels.full} level="full" />
    </dl>
  );
}

function Total({ name, value, level }: { readonly name: string; readonly value: number; readonly level?: string }) {
  return (
    <div class={level === undefined || value === 0 ? 'total' : `total is-${level}`}>
      <dt>{name}</dt>
      <dd>{formatNumber(value)}</dd>
    </div>
  );
}

function NoSpaces() {
  return (
    <div class="notice">
      <h1>{messages.noSpaces}</h1>
      <p>{messages.noSpacesHint}</p>
      <a class="button" href={DOORS}>
        {messages.doors}
      </a>
    </div>
  );
}
