// What the charts show, as a table: for screen readers, and for whoever wants numbers.
import { useState } from 'preact/hooks';
import { formatNumber, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import type { History } from './history.ts';

interface HistoryTableProps {
  readonly history: History;
  readonly zone: string;
}

export function HistoryTable(props: HistoryTableProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{messages.asTable}</summary>
      {isOpen ? <Table {...props} /> : null}
    </details>
  );
}

function Table({ history: { intervals, resets, moves }, zone }: HistoryTableProps) {
  return (
    <div class="stack">
      {resets.length + moves.length === 0 ? null : (
        <ul class="plain-list hint">
          {resets.map(({ atMs, count }) => (
            <li key={atMs}>{messages.resetTo(formatNumber(count), formatTime(atMs, 'dateTime', zone))}</li>
          ))}
          {moves.map(({ atMs, dpu, doorway, isArrival }) => (
            <li key={`${dpu} ${doorway} ${isArrival} ${atMs}`}>
              {(isArrival ? messages.sensorArrived : messages.sensorLeft)(
                dpu,
                doorway,
                formatTime(atMs, 'dateTime', zone),
              )}
            </li>
          ))}
        </ul>
      )}
      <div class="table-wrap is-tall" tabIndex={0} role="group" aria-label={messages.occupancy}>
        <table class="data">
          <thead>
            <tr>
              <th scope="col">{messages.time}</th>
              <th scope="col" class="is-number">
                {messages.occupancy}
              </th>
              <th scope="col" class="is-number">
                {messages.entrances}
              </th>
              <th scope="col" class="is-number">
                {messages.exits}
              </th>
              <th scope="col">{messages.state}</th>
            </tr>
          </thead>
          <tbody>
            {intervals.toReversed().map(({ start, end, count, entrances, exits, final }) => (
              <tr key={start}>
                <th scope="row">
                  {formatTime(start, 'dateTime', zone)} – {formatTime(end, 'time', zone)}
                </th>
                <td class="is-number">{formatNumber(count)}</td>
                <td class="is-number">{formatNumber(entrances)}</td>
                <td class="is-number">{formatNumber(exits)}</td>
                <td>{final ? messages.final : messages.provisional}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
