import { SpaceTable } from '../building/space-table.tsx';
import { DeletedReadings } from '../doors/deleted-readings.tsx';
import { DoorwayTable } from '../doors/doorway-table.tsx';
import { SensorTable } from '../doors/sensor-table.tsx';
import { UnplacedSensors } from '../doors/unplaced-sensors.tsx';
import { messages } from '../i18n/i18n.ts';
import { DoneNote, useDone } from '../parts/done-note.tsx';
import { useTitle } from '../use-title.ts';

export function DoorsView() {
  useTitle(messages.doors);
  const [done, onDone] = useDone();
  return (
    <>
      <div class="page-head">
        <h1>{messages.doors}</h1>
      </div>
      <div class="space-body">
        <DoneNote done={done} />
        <UnplacedSensors version={done} onPlaced={onDone} />
        <div class="pair">
          <SpaceTable version={done} onSaved={onDone} />
          <DoorwayTable version={done} onDone={onDone} />
        </div>
        <SensorTable version={done} onDone={onDone} />
        <DeletedReadings version={done} onDone={onDone} />
      </div>
    </>
  );
}
