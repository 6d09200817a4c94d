import { useState } from 'preact/hooks';
import { api, bodyOf } from '../api/client.ts';
import { loadDoorways } from '../api/topology.ts';
import type { Doorway, Revisions, Space } from '../api/types.ts';
import { formatNumber, formatSigned, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { doorwayName } from '../live/doorway-names.ts';
import { DAY_MS, instantIn, localTimeIn } from '../i18n/zoned-time.ts';
import { TimeField } from '../parts/fields.tsx';
import { Notice } from '../parts/notice.tsx';
import type { Span } from '../span.ts';
import { textOf } from '../use-answer.ts';
import { DriftRow, SumHead } from './sum-table.tsx';

type Revision = Revisions['revisions'][number];

interface Compared {
  readonly revisions: Revisions;
  readonly doorways: ReadonlyMap<number, Doorway>;
}

/** What has changed in the span since an earlier moment, and why. */
export function RevisionPanel({ space, span }: { readonly space: Space; readonly span: Span }) {
  const { id, time_zone: zone } = space;
  const [since, setSince] = useState(() => localTimeIn(zone, Date.now() - DAY_MS));
  const [compared, setCompared] = useState<Compared>();
  const [problem, setProblem] = useState<string>();
  const submit = (event: Event): void => {
    event.preventDefault();
    load(id, span, instantIn(zone, since)).then(
      (found) => {
        setCompared(found);
        setProblem(undefined);
      },
      (error: unknown) => {
        setCompared(undefined);
        setProblem(textOf(error));
      },
    );
  };
  return (
    <section class="panel" aria-labelledby="revisions-title">
      <h2 id="revisions-title">{messages.revisions}</h2>
      <p class="hint">{messages.revisionsHint}</p>
      <form class="span-form" aria-label={messages.revisions} onSubmit={submit}>
        <TimeField label={messages.knownAt} value={since} onChange={setSince} hasSeconds />
        <button type="submit" class="button">
          {messages.compareWithThen}
        </button>
      </form>
      {problem === undefined ? null : <Notice text={problem} />}
      {compared ? <Terms {...compared} zone={zone} /> : null}
    </section>
  );
}

async function load(id: number, { fromMs, toMs }: Span, sinceMs: number): Promise<Compared> {
  const [from, to, since] = [fromMs, Math.min(toMs, Date.now()), sinceMs].map((ms) => new Date(ms).toISOString());
  const query = { from: from ?? '', to: to ?? '', since: since ?? '' };
  const [revisions, doorways] = await Promise.all([
    bodyOf(api.GET('/counts/{space_id}/revisions', { params: { path: { space_id: id }, query } })),
    loadDoorways(),
  ]);
  return { revisions, doorways };
}

function Terms({ revisions: { before, after, difference, revisions, from, to }, doorways, zone }: TermsProps) {
  return (
    <table class="sum">
      <caption class="hint">
        {formatTime(from, 'dateTime', zone)} – {formatTime(to, 'dateTime', zone)}
      </caption>
      <SumHead terms={messages.cause} />
      <tbody>
        <tr>
          <th scope="row">{messages.knownThen}</th>
          <td>{formatNumber(before.entrances)}</td>
          <td>{formatNumber(before.exits)}</td>
          <td>{formatNumber(before.count)}</td>
        </tr>
        {revisions.map((revision, index) => (
          <tr key={index}>
            <th scope="row">{causeOf(revision, doorways, zone)}</th>
            <td>{formatSigned(revision.entrances)}</td>
            <td>{formatSigned(revision.exits)}</td>
            <td>{formatSigned(revision.net)}</td>
          </tr>
        ))}
        <DriftRow drift={difference.drift} />
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">{messages.knownNow}</th>
          <td>{formatNumber(after.entrances)}</td>
          <td>{formatNumber(after.exits)}</td>
          <td>{formatNumber(after.count)}</td>
        </tr>
      </tfoot>
    </table>
  );
}

interface TermsProps extends Compared {
  readonly zone: string;
}

/** Such as "Late readings · Front door · 423", or "A sensor was moved · 27 Nov, 15:02 · token:facility". */
function causeOf(
  { kind, changes, doorway_id: id, dpu_id: dpu }: Revision,
  doorways: Compared['doorways'],
  zone: string,
) {
  const made = changes.map(({ at, by }) => [formatTime(at, 'dateTime', zone), by].filter(Boolean).join(', '));
  const where = id === null ? undefined : doorwayName(doorways, id);
  return [messages.revisionKinds[kind], where, dpu, ...made].filter(Boolean).join(' · ');
}
