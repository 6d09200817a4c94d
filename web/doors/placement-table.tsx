import { api, bodyOf } from '../api/client.ts';
import { loadDoorways } from '../api/topology.ts';
import { formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { useAnswer } from '../use-answer.ts';
import { zoneOf } from '../live/doorway-names.ts';

interface PlacementTableProps {
  readonly dpu: string;
  /** The placements are loaded again when this changes. */
  readonly version?: unknown;
}

/** Where a sensor has been, the newest placement first. */
export function PlacementTable({ dpu, version }: PlacementTableProps) {
  const answer = useAnswer(async () => {
    const [placements, doorways] = await Promise.all([
      bodyOf(api.GET('/dpus/{id}/placements', { params: { path: { id: dpu } } })),
      loadDoorways(),
    ]);
    return placements.toReversed().map(({ doorway_id: id, from }) => ({ from, doorway: doorways.get(id ?? -1) }));
  }, [dpu, version]);
  return (
    <>
      {answer.error === undefined ? null : <p class="problem">{answer.error}</p>}
      <table class="data">
        <thead>
          <tr>
            <th scope="col">{messages.doorway}</th>
            <th scope="col">{messages.placedSince}</th>
          </tr>
        </thead>
        <tbody>
          {(answer.value ?? []).map(({ from, doorway }) => (
            <tr key={from}>
              <td>{doorway?.name ?? messages.notPlaced}</td>
              <td>{from === null ? messages.always : formatTime(from, 'full', zoneOf(doorway))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
