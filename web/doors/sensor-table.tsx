import { useState } from 'preact/hooks';
import { api, bodyOf, pageOf, quoted } from '../api/client.ts';
import { may } from '../api/session.ts';
import { loadDoorways } from '../api/topology.ts';
import type { Doorway, Dpu } from '../api/types.ts';
import { formatAgo, formatRate, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { HOUR_MS } from '../i18n/zoned-time.ts';
import { nowMs } from '../now.ts';
import { PagedList } from '../parts/paged-list.tsx';
import { linkToSensor } from '../route.ts';
import { useAnswer } from '../use-answer.ts';
import { zoneOf } from '../live/doorway-names.ts';
import { MessagesButton } from './messages-button.tsx';
import { PlaceDialog } from './place-dialog.tsx';
import { PlacementsDialog } from './placements-dialog.tsx';
import { HiddenHeading } from '../parts/hidden-heading.tsx';
import { RowButton } from '../parts/row-button.tsx';

interface Row {
  readonly dpu: Dpu;
  readonly doorway: Doorway | undefined;
}

interface SensorTableProps {
  readonly version: unknown;
  readonly onDone: (text: string) => void;
}

export function SensorTable({ version, onDone }: SensorTableProps) {
  const [shown, setShown] = useState<string>();
  const [moved, setMoved] = useState<string>();
  return (
    <>
      <PagedList id="sensors" title={messages.sensors} empty="–" load={loadRows} version={version}>
        {(rows: readonly Row[]) => (
          <table class="data">
            <thead>
              <tr>
                <th scope="col">{messages.sensor}</th>
                <th scope="col">{messages.doorway}</th>
                <th scope="col">{messages.lastHeard}</th>
                <th scope="col" class="is-number">
                  {messages.lastHour}
                </th>
                <th scope="col" class="is-number">
                  {messages.perHour}
                </th>
                <HiddenHeading text={messages.history} />
              </tr>
            </thead>
            <tbody>
              {rows.map(({ dpu, doorway }) => (
                <tr key={dpu.id}>
                  <th scope="row">
                    <a href={linkToSensor(dpu.id)}>{dpu.id}</a>
                  </th>
                  <td>{doorway?.name ?? messages.notPlaced}</td>
                  <td>
                    <LastHeard dpu={dpu.id} zone={zoneOf(doorway)} />
                  </td>
                  <td class="is-number">
                    <ReadingsSince dpu={dpu.id} hours={1} version={version} />
                  </td>
                  <td class="is-number">
                    <ReadingsSince dpu={dpu.id} hours={24} version={version} />
                  </td>
                  <td class="is-number is-nowrap">
                    <MessagesButton dpu={dpu.id} />{' '}
                    <RowButton text={messages.history} row={dpu.id} onClick={() => setShown(dpu.id)} />{' '}
                    {may('topology:write') ? (
                      <RowButton text={messages.move} row={dpu.id} onClick={() => setMoved(dpu.id)} />
                    ) : null}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </PagedList>
      {moved === undefined ? null : (
        <PlaceDialog dpu={moved} isRegistered onClose={() => setMoved(undefined)} onDone={onDone} />
      )}
      {shown === undefined ? null : <PlacementsDialog dpu={shown} onClose={() => setShown(undefined)} />}
    </>
  );
}

async function loadRows(paging: { limit: number; offset: number }) {
  const [{ items, total }, doorways] = await Promise.all([
    pageOf(api.GET('/dpus', { params: { query: paging } })),
    loadDoorways(),
  ]);
  return { items: items.map((dpu) => ({ dpu, doorway: doorways.get(dpu.doorway_id ?? -1) })), total };
}

/** The newest reading that is stored. One that just arrived is stored within half a minute. */
function LastHeard({ dpu, zone }: { readonly dpu: string; readonly zone: string | undefined }) {
  const query = { filter: `dpu_id = ${quoted(dpu)}`, sort: 'timestamp', desc: true, limit: 1 } as const;
  const answer = useAnswer(async () => bodyOf(api.GET('/readings', { params: { query } })), [dpu]);
  const at = answer.value?.[0]?.timestamp;
  if (answer.error !== undefined) return <>{answer.error}</>;
  if (answer.value === undefined) return <>…</>;
  if (at === undefined) return <>{messages.never}</>;
  return (
    <time dateTime={at} title={formatTime(at, 'full', zone)}>
      {formatAgo(at, nowMs.value)}
    </time>
  );
}

interface ReadingsSinceProps {
  readonly dpu: string;
  readonly hours: number;
  /** Asked again when it changes. */
  readonly version: unknown;
}

/** Stored readings per hour. */
function ReadingsSince({ dpu, hours, version }: ReadingsSinceProps) {
  const answer = useAnswer(async () => {
    const since = new Date(Date.now() - hours * HOUR_MS).toISOString();
    const query = { filter: `dpu_id = ${quoted(dpu)} and timestamp >= '${since}'`, limit: 1 } as const;
    return pageOf(api.GET('/readings', { params: { query } }));
  }, [dpu, hours, version]);
  if (answer.error !== undefined) return <>–</>;
  return <>{answer.value === undefined ? '…' : formatRate(answer.value.total / hours)}</>;
}
