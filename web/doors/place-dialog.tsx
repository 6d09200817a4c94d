import { useState } from 'preact/hooks';
import { api, bodyOf } from '../api/client.ts';
import { loadDoorways } from '../api/topology.ts';
import type { UnplacedDpu } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { instantIn, localTimeIn } from '../i18n/zoned-time.ts';
import { Dialog } from '../parts/dialog.tsx';
import { FormEnd } from '../parts/form-end.tsx';
import { textOf, useAnswer } from '../use-answer.ts';
import { leads, zoneOf } from './doorway-names.ts';

interface PlaceDialogProps {
  readonly dpu: UnplacedDpu;
  readonly onClose: () => void;
  /** @param text what was done */
  readonly onPlaced: (text: string) => void;
}

const BROWSER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function PlaceDialog({ dpu, onClose, onPlaced }: PlaceDialogProps) {
  const doorways = useAnswer(loadDoorways, []);
  const [doorwayId, setDoorwayId] = useState<number>();
  const [since, setSince] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const doorway = doorwayId === undefined ? undefined : doorways.value?.get(doorwayId);
  const zone = zoneOf(doorway) ?? BROWSER_ZONE;
  // In whole minutes, which is at or before the first reading.
  const shownSince = since ?? localTimeIn(zone, Date.parse(dpu.first_reading_at));
  const submit = (event: Event): void => {
    event.preventDefault();
    if (!doorway) return;
    const placement = { doorway_id: doorway.id, effective_at: new Date(instantIn(zone, shownSince)).toISOString() };
    place(dpu, placement).then(
      () => {
        onPlaced(messages.placed(dpu.id, doorway.name));
        onClose();
      },
      (error: unknown) => setProblem(textOf(error)),
    );
  };
  return (
    <Dialog title={messages.placeSensor(dpu.id)} onClose={onClose}>
      <form onSubmit={submit}>
        <label class="field">
          <span>{messages.placeAt}</span>
          <select required onChange={(event) => setDoorwayId(Number(event.currentTarget.value) || undefined)}>
            <option value="">{messages.choose}</option>
            {[...(doorways.value?.values() ?? [])].map((each) => (
              <option key={each.id} value={each.id}>
                {each.name} ({leads(each)})
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>{messages.placeSince}</span>
          <input
            type="datetime-local"
            required
            value={shownSince}
            onInput={(event) => setSince(event.currentTarget.value)}
          />
        </label>
        <p class="hint">
          {messages.placeSinceHint} {messages.timesIn(zone)}.
        </p>
        <FormEnd problem={problem ?? doorways.error} submit={messages.placeNow} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

interface Placement {
  readonly doorway_id: number;
  readonly effective_at: string;
}

async function place({ id, registered }: UnplacedDpu, placement: Placement): Promise<unknown> {
  return registered
    ? bodyOf(api.PATCH('/dpus/{id}', { params: { path: { id } }, body: placement }))
    : bodyOf(api.POST('/dpus', { body: { id, ...placement } }));
}
