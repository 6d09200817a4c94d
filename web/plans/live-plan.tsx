import { loadDoorways } from '../api/topology.ts';
import type { FloorPlan } from '../api/types.ts';
import { formatNumber } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { levelOf, shareOf } from '../live/fullness.ts';
import { spaces, type LiveSpace } from '../live/live-spaces.ts';
import { statusOf } from '../live/space-status.ts';
import { linkToSpace } from '../route.ts';
import { useAnswer } from '../use-answer.ts';
import { centreOf, placeAt, PlanPicture, textOfPoints, type Point } from './plan-picture.tsx';

interface Drawn {
  readonly known: LiveSpace;
  readonly points: readonly Point[];
}

/** The plan with the counts of its spaces. Spaces and doorways that do not exist any more are not shown. */
export function LivePlan({ plan }: { readonly plan: FloorPlan }) {
  const doorways = useAnswer(loadDoorways, []).value;
  const drawn = plan.spaces.flatMap(({ space_id: id, points }): Drawn[] => {
    const known = spaces.value.get(id);
    return known ? [{ known, points }] : [];
  });
  return (
    <PlanPicture
      plan={plan}
      shapes={drawn.map((each) => (
        <Outline key={each.known.space.value.id} {...each} />
      ))}
    >
      {plan.doorways.map(({ doorway_id: id, ...point }) => {
        const name = doorways?.get(id)?.name;
        return name === undefined ? null : (
          <span key={`doorway ${id}`} class="plan-door" style={placeAt(point)} title={name}>
            <span class="visually-hidden">
              {messages.doorway} {name}
            </span>
          </span>
        );
      })}
      {drawn.map((each) => (
        <Label key={each.known.space.value.id} {...each} />
      ))}
    </PlanPicture>
  );
}

function levelOfSpace({ space, live }: LiveSpace): 'none' | 'ok' | 'nearly' | 'full' {
  const share = shareOf(live.value?.count ?? 0, space.value.capacity);
  return share === undefined ? 'none' : levelOf(share);
}

function Outline({ known, points }: Drawn) {
  return <polygon class={`plan-space is-${levelOfSpace(known)}`} points={textOfPoints(points)} />;
}

const LEVEL_TEXTS = { none: undefined, ok: undefined, nearly: messages.nearlyFull, full: messages.full } as const;

function Label({ known, points }: Drawn) {
  const { id, name, capacity } = known.space.value;
  const count = known.live.value?.count;
  const level = levelOfSpace(known);
  const status = statusOf(known);
  const doubt =
    status === 'stale' ? messages.stale : status === 'disconnected' ? messages.disconnected : LEVEL_TEXTS[level];
  return (
    <a class={`plan-label is-${level}`} href={linkToSpace(id)} style={placeAt(centreOf(points))}>
      <span>{name}</span> <strong>{count === undefined ? '–' : formatNumber(count)}</strong>{' '}
      {capacity === null ? null : <span>{messages.ofCapacity(formatNumber(capacity))}</span>}{' '}
      {doubt === undefined ? null : <em>{doubt}</em>}
    </a>
  );
}
