import { useState } from 'preact/hooks';
import { DoorwayTable } from '../doors/doorway-table.tsx';
import { SensorTable } from '../doors/sensor-table.tsx';
import { UnplacedSensors } from '../doors/unplaced-sensors.tsx';
import { messages } from '../i18n/i18n.ts';
import { useTitle } from '../use-title.ts';

export function DoorsView() {
  useTitle(messages.doors);
  const [done, setDone] = useState<readonly string[]>([]);
  return (
    <>
      <div class="page-head">
        <h1>{messages.doors}</h1>
      </div>
      <div class="space-body">
        <div role="status">{done.length === 0 ? null : <p class="done">{done.at(-1)}</p>}</div>
        <UnplacedSensors version={done} onPlaced={(text) => setDone((before) => [...before, text])} />
        <div class="pair">
          <DoorwayTable version={done} />
          <SensorTable version={done} />
        </div>
      </div>
    </>
  );
}
