import { useSignal } from '@preact/signals';
import { api, bodyOf } from '../api/client.ts';
import { loadDoorways } from '../api/topology.ts';
import type { Doorway, Explanation, Space } from '../api/types.ts';
import { formatNumber, formatSigned, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { doorwayName } from '../live/doorway-names.ts';
import { Notice } from '../parts/notice.tsx';
import type { Span } from '../span.ts';
import { textOf } from '../use-answer.ts';
import { DriftRow, SumHead } from './sum-table.tsx';

interface Explained {
  readonly explanation: Explanation;
  readonly doorways: ReadonlyMap<number, Doorway>;
}

interface ExplanationPanelProps {
  readonly space: Space;
  readonly span: Span;
}

/** The terms of the count: now, or at the end of a span in the past. */
export function ExplanationPanel({ space, span }: ExplanationPanelProps) {
  const explained = useSignal<Explained | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const explain = (): void => {
    loadExplanation(space.id, span).then(
      (found) => {
        explained.value = found;
        problem.value = undefined;
      },
      (error: unknown) => (problem.value = textOf(error)),
    );
  };
  const { value } = explained;
  return (
    <section class="panel" aria-labelledby="why-title">
      <h2 id="why-title">
        {value ? messages.whyAt(formatTime(value.explanation.timestamp, 'full', space.time_zone)) : messages.why}
      </h2>
      {value ? <Breakdown {...value} zone={space.time_zone} /> : null}
      {problem.value === undefined ? null : <Notice text={problem.value} />}
      <div class="buttons">
        <button type="button" class="button" onClick={explain}>
          {messages.why}
        </button>
      </div>
    </section>
  );
}

async function loadExplanation(id: number, { toMs }: Span): Promise<Explained> {
  const query = toMs < Date.now() ? { at: new Date(toMs).toISOString() } : {};
  const [explanation, doorways] = await Promise.all([
    bodyOf(api.GET('/counts/{space_id}/explain', { params: { path: { space_id: id }, query } })),
    loadDoorways(),
  ]);
  if ('count_at_start' in explanation) throw new Error(messages.failedUnknown);
  return { explanation, doorways };
}

function Breakdown({ explanation, doorways, zone }: Explained & { readonly zone: string }) {
  const { reset, doorways: terms, drift, count, provisional, late_events: late } = explanation;
  return (
    <>
      <table class="sum">
        <SumHead terms={messages.doorwayAndSensor} />
        <tbody>
          <tr>
            <th scope="row" colSpan={3}>
              {startText(reset, zone)}
            </th>
            <td>{formatNumber(reset?.count ?? 0)}</td>
          </tr>
          {terms.map(({ doorway_id: id, dpu_id: dpu, entrances, exits }) => (
            <tr key={`${id} ${dpu}`}>
              <th scope="row">
                {doorwayName(doorways, id)} · {dpu}
              </th>
              <td>{formatNumber(entrances)}</td>
              <td>{formatNumber(exits)}</td>
              <td>{formatSigned(entrances - exits)}</td>
            </tr>
          ))}
          <DriftRow drift={drift} />
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" colSpan={3}>
              {messages.result}
            </th>
            <td>{formatNumber(count)}</td>
          </tr>
        </tfoot>
      </table>
      <ul class="plain-list hint">
        {provisional.entrances + provisional.exits === 0 ? null : (
          <li>{messages.provisionalPart(formatNumber(provisional.entrances), formatNumber(provisional.exits))}</li>
        )}
        <HeldBack explanation={explanation} zone={zone} />
        {!late ? null : <li>{messages.lateEvents(formatNumber(late))}</li>}
      </ul>
    </>
  );
}

function HeldBack({ explanation: { held_back_by: by }, zone }: { explanation: Explanation; zone: string }) {
  if (by === null) return null;
  const isSensor = by.dpu_id !== null && by.clock !== null;
  return (
    <li>
      {isSensor
        ? messages.heldBackBy(by.dpu_id ?? '', formatTime(by.clock ?? '', 'seconds', zone))
        : messages.heldBackByRouter}
    </li>
  );
}

function startText(reset: Explanation['reset'], zone: string): string {
  if (reset === null) return messages.startedFromNothing;
  const at = formatTime(reset.timestamp, 'dateTime', zone);
  return reset.kind === 'daily' ? messages.startedFromDaily(at) : messages.startedFromReset(at);
}
