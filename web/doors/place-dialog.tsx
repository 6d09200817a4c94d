import { useState } from 'preact/hooks';
import { api } from '../api/client.ts';
import { loadDoorways } from '../api/topology.ts';
import { ChangeDialog } from '../changes/change-dialog.tsx';
import type { Change } from '../changes/change.ts';
import { messages } from '../i18n/i18n.ts';
import { BROWSER_ZONE, instantIn, localTimeIn } from '../i18n/zoned-time.ts';
import { ChoiceField, TimeField } from '../parts/fields.tsx';
import { useAnswer } from '../use-answer.ts';
import { leads, zoneOf } from '../live/doorway-names.ts';

interface PlaceDialogProps {
  readonly dpu: string;
  /** True if it is registered; false if it is only known from what it sends. */
  readonly isRegistered: boolean;
  /** For one that is not placed yet: its first reading. Undefined for a move. */
  readonly firstReadingAt?: string;
  readonly onClose: () => void;
  readonly onDone: (text: string) => void;
}

const NOWHERE = 'nowhere';

/** Places a sensor at a doorway, or moves it, since some time. */
export function PlaceDialog({ dpu, isRegistered, firstReadingAt, onClose, onDone }: PlaceDialogProps) {
  const doorways = useAnswer(loadDoorways, []);
  const [openedMs] = useState(() => Date.now());
  const [choice, setChoice] = useState('');
  const [since, setSince] = useState<string>();
  const doorway = doorways.value?.get(Number(choice));
  const zone = zoneOf(doorway) ?? BROWSER_ZONE;
  // In whole minutes, which is at or before the first reading.
  const shownSince = since ?? localTimeIn(zone, firstReadingAt === undefined ? openedMs : Date.parse(firstReadingAt));
  const isMove = firstReadingAt === undefined;
  const place: Change = async (params) => {
    const effectiveAt = new Date(instantIn(zone, shownSince)).toISOString();
    const body = { doorway_id: choice === NOWHERE ? null : Number(choice), effective_at: effectiveAt };
    return isRegistered
      ? api.PATCH('/dpus/{id}', { params: { ...params, path: { id: dpu } }, body })
      : api.POST('/dpus', { params, body: { id: dpu, ...body } });
  };
  const choices = [
    { value: '', text: messages.choose },
    ...[...(doorways.value?.values() ?? [])].map((each) => ({
      value: String(each.id),
      text: `${each.name} (${leads(each)})`,
    })),
    ...(isMove ? [{ value: NOWHERE, text: messages.atNoDoorway }] : []),
  ];
  return (
    <ChangeDialog
      title={isMove ? messages.moveSensor(dpu) : messages.placeSensor(dpu)}
      change={place}
      input={`${choice} ${shownSince} ${zone}`}
      submit={isMove ? messages.moveNow : messages.placeNow}
      done={() => (doorway ? messages.placed(dpu, doorway.name) : messages.takenAway(dpu))}
      onClose={onClose}
      onDone={onDone}
    >
      <ChoiceField label={messages.placeAt} value={choice} onChange={setChoice} choices={choices} />
      <TimeField label={messages.placeSince} value={shownSince} onChange={setSince} />
      <p class="hint">
        {isMove ? messages.moveSinceHint : messages.placeSinceHint} {messages.timesIn(zone)}.
      </p>
      {doorways.error === undefined ? null : <p class="problem">{doorways.error}</p>}
    </ChangeDialog>
  );
}
