import { useState } from 'preact/hooks';
import { may } from '../api/session.ts';
import type { Doorway } from '../api/types.ts';
import { DoorwayDialog } from '../building/doorway-dialog.tsx';
import { SpaceTable } from '../building/space-table.tsx';
import { DoorwayTable } from '../doors/doorway-table.tsx';
import { SensorTable } from '../doors/sensor-table.tsx';
import { UnplacedSensors } from '../doors/unplaced-sensors.tsx';
import { messages } from '../i18n/i18n.ts';
import { useTitle } from '../use-title.ts';

export function DoorsView() {
  useTitle(messages.doors);
  const [done, setDone] = useState<readonly string[]>([]);
  const [edited, setEdited] = useState<{ readonly doorway: Doorway | undefined }>();
  const onDone = (text: string): void => setDone((before) => [...before, text]);
  return (
    <>
      <div class="page-head">
        <h1>{messages.doors}</h1>
      </div>
      <div class="space-body">
        <div role="status">{done.length === 0 ? null : <p class="done">{done.at(-1)}</p>}</div>
        <UnplacedSensors version={done} onPlaced={onDone} />
        <div class="pair">
          <SpaceTable version={done} onSaved={onDone} />
          <DoorwayTable
            version={done}
            onEdit={may('topology:write') ? (doorway) => setEdited({ doorway }) : undefined}
          />
        </div>
        <SensorTable version={done} />
      </div>
      {edited ? <DoorwayDialog doorway={edited.doorway} onClose={() => setEdited(undefined)} onSaved={onDone} /> : null}
    </>
  );
}
