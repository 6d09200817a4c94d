import { useState } from 'preact/hooks';
import { api, bodyOf } from '../api/client.ts';
import { may } from '../api/session.ts';
import { loadDoorways } from '../api/topology.ts';
import { DeletedReadings } from '../doors/deleted-readings.tsx';
import { leads, zoneOf } from '../live/doorway-names.ts';
import { ExclusionList } from '../doors/exclusion-list.tsx';
import { MessagesButton } from '../doors/messages-button.tsx';
import { PlaceDialog } from '../doors/place-dialog.tsx';
import { PlacementTable } from '../doors/placement-table.tsx';
import { ReadingList } from '../doors/reading-list.tsx';
import { messages } from '../i18n/i18n.ts';
import { BROWSER_ZONE } from '../i18n/zoned-time.ts';
import { DoneNote, useDone } from '../parts/done-note.tsx';
import { Notice } from '../parts/notice.tsx';
import { DOORS } from '../route.ts';
import { useAnswer } from '../use-answer.ts';
import { useTitle } from '../use-title.ts';

/** A registered sensor: where it is, and which of its readings count. */
export function SensorView({ id }: { readonly id: string }) {
  useTitle(id);
  const [done, onDone] = useDone();
  const [isMoving, setMoving] = useState(false);
  const sensor = useAnswer(async () => {
    const [dpu, doorways] = await Promise.all([
      bodyOf(api.GET('/dpus/{id}', { params: { path: { id } } })),
      loadDoorways(),
    ]);
    return { doorway: doorways.get(dpu.doorway_id ?? -1) };
  }, [id, done]);
  if (sensor.error !== undefined) return <Notice text={sensor.error} onRetry={sensor.reload} />;
  if (sensor.value === undefined) return <Notice text={messages.loading} />;
  const { doorway } = sensor.value;
  const zone = zoneOf(doorway) ?? BROWSER_ZONE;
  const parts = { dpu: id, zone, version: done, onDone };
  return (
    <>
      <header class="space-head">
        <a class="back" href={DOORS}>
          ← {messages.doors}
        </a>
        <h1>{id}</h1>
        <p class="hint">
          {doorway ? `${doorway.name} (${leads(doorway)})` : messages.notPlaced} · {messages.timesIn(zone)}
        </p>
        <div class="buttons">
          <MessagesButton dpu={id} />
        </div>
      </header>
      <div class="space-body">
        <DoneNote done={done} />
        <div class="pair">
          <section class="panel stack" aria-labelledby="placements">
            <div class="panel-head">
              <h2 id="placements">{messages.placements(id)}</h2>
              {may('topology:write') ? (
                <button type="button" class="button" onClick={() => setMoving(true)}>
                  {messages.move}
                </button>
              ) : null}
            </div>
            <PlacementTable dpu={id} version={done} />
          </section>
          <ExclusionList {...parts} />
        </div>
        <ReadingList {...parts} />
        <DeletedReadings {...parts} />
      </div>
      {isMoving ? <PlaceDialog dpu={id} isRegistered onClose={() => setMoving(false)} onDone={onDone} /> : null}
    </>
  );
}
