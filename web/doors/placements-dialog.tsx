import { api, bodyOf } from '../api/client.ts';
import { loadDoorways } from '../api/topology.ts';
import { formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { Dialog } from '../parts/dialog.tsx';
import { useAnswer } from '../use-answer.ts';
import { zoneOf } from './doorway-names.ts';

interface PlacementsDialogProps {
  readonly dpu: string;
  readonly onClose: () => void;
}

/** Where a sensor has been, the newest placement first. */
export function PlacementsDialog({ dpu, onClose }: PlacementsDialogProps) {
  const answer = useAnswer(async () => {
    const [placements, doorways] = await Promise.all([
      bodyOf(api.GET('/dpus/{id}/placements', { params: { path: { id: dpu } } })),
      loadDoorways(),
    ]);
    return placements.toReversed().map(({ doorway_id: id, from }) => ({ from, doorway: doorways.get(id ?? -1) }));
  }, [dpu]);
  return (
    <Dialog title={messages.placements(dpu)} onClose={onClose}>
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
      <form method="dialog" class="buttons">
        <button type="submit" class="button">
          {messages.close}
        </button>
      </form>
    </Dialog>
  );
}
