import { useComputed, useSignal } from '@preact/signals';
import { useMemo, useState } from 'preact/hooks';
import { downloadCsv } from '../api/download.ts';
import type { Interval } from '../api/types.ts';
import { FlowChart } from './charts/flow-chart.tsx';
import { OccupancyChart } from './charts/occupancy-chart.tsx';
import { formatInterval, formatNumber, formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { corrections, type LiveSpace } from '../live/live-spaces.ts';
import { nowMs } from '../now.ts';
import { Notice } from '../parts/notice.tsx';
import { linkToSpace } from '../route.ts';
import type { Span } from '../span.ts';
import { textOf, useAnswer } from '../use-answer.ts';
import { intervalsPath, loadHistory, type History } from './history.ts';
import { HistoryTable } from './history-table.tsx';
import { SpanForm } from './span-form.tsx';
import { useRefreshed } from './use-refreshed.ts';

const REFRESH_MS = 10_000;

interface HistoryPanelProps {
  readonly known: LiveSpace;
  readonly span: Span;
  readonly isToday: boolean;
}

export function HistoryPanel({ known, span, isToday }: HistoryPanelProps) {
  const space = known.space.value;
  const [isCompared, setCompared] = useState(false);
  const changes = useRefreshed(known.live, REFRESH_MS);
  const includesNow = span.toMs > nowMs.value && span.fromMs < nowMs.value;
  const history = useAnswer(
    async () => loadHistory(space, span, isCompared),
    [space, span.fromMs, span.toMs, isCompared, known.historyVersion.value, includesNow ? changes : 0],
  );
  const show = (wanted: Span | undefined): void => {
    location.hash = linkToSpace(space.id, wanted);
  };
  return (
    <section class="panel" aria-labelledby="history-title">
      <SpanForm zone={space.time_zone} span={span} isToday={isToday} onChange={show} />
      <div class="span-form">
        <label class="field is-check">
          <input type="checkbox" checked={isCompared} onChange={(event) => setCompared(event.currentTarget.checked)} />
          <span>{messages.compare}</span>
        </label>
        {history.value ? <CsvButton id={space.id} name={space.name} history={history.value} /> : null}
        <p class="hint">
          {messages.timesIn(space.time_zone)}
          {history.value ? ` · ${messages.intervalOf(formatInterval(history.value.interval))}` : ''}
        </p>
      </div>
      {history.error === undefined ? null : <Notice text={history.error} onRetry={history.reload} />}
      {history.value ? (
        <Charts known={known} history={history.value} isNow={includesNow} onZoom={show} />
      ) : history.isLoading ? (
        <Notice text={messages.loading} />
      ) : null}
    </section>
  );
}

interface ChartsProps {
  readonly known: LiveSpace;
  readonly history: History;
  readonly isNow: boolean;
  readonly onZoom: (span: Span) => void;
}

function Charts({ known, history, isNow, onZoom }: ChartsProps) {
  const { capacity, time_zone: zone } = known.space.value;
  const pointed = useSignal<number | undefined>(undefined);
  const { fromMs, toMs } = history.span;
  const shared = useMemo(
    () => ({ zone, span: { fromMs, toMs }, onZoom, onPoint: (index: number | undefined) => (pointed.value = index) }),
    [zone, fromMs, toMs],
  );
  const live = known.live.value;
  const now = useMemo(
    () => (isNow && live ? { atMs: Math.max(Date.parse(live.timestamp), nowMs.value), count: live.count } : undefined),
    [isNow, live, nowMs.value],
  );
  const corrected = useComputed(() =>
    corrections.value.filter(({ space_id: of }) => of === known.space.value.id),
  ).value;
  const summary = summaryOf(history.intervals, zone);
  return (
    <>
      <div class="chart-head">
        <h2 id="history-title">{messages.occupancy}</h2>
        <ul class="legend">
          <li>{messages.final}</li>
          <li class="is-provisional">{messages.provisional}</li>
          {history.before ? <li class="is-before">{messages.weekBefore}</li> : null}
          {capacity === null ? null : <li class="is-capacity">{messages.capacity}</li>}
          {corrected.length === 0 ? null : <li class="is-mark is-correction">{messages.correctionMark}</li>}
          {history.resets.length === 0 ? null : <li class="is-mark">{messages.reset}</li>}
          {history.moves.length === 0 ? null : <li class="is-mark is-move">{messages.moveMark}</li>}
        </ul>
      </div>
      <OccupancyChart
        history={history}
        shared={shared}
        capacity={capacity}
        corrections={corrected}
        now={now}
        label={`${messages.occupancy}. ${summary}`}
      />
      <div class="chart-head">
        <h2>{messages.flow}</h2>
        <ul class="legend">
          <li class="is-in">{messages.entrances}</li>
          <li class="is-out">{messages.exits}</li>
        </ul>
      </div>
      <FlowChart history={history} shared={shared} label={`${messages.flow}. ${summary}`} />
      <p class="chart-tip" aria-hidden="true">
        {pointText(history.intervals[pointed.value ?? -1], zone) ?? messages.zoomHint}
      </p>
      <HistoryTable history={history} zone={zone} />
    </>
  );
}

function pointText(interval: Interval | undefined, zone: string): string | undefined {
  if (!interval) return undefined;
  const { end, count, entrances, exits, final } = interval;
  return [
    formatTime(end, 'dateTime', zone),
    messages.people(count, formatNumber(count)),
    `+${formatNumber(entrances)} −${formatNumber(exits)}`,
    final ? messages.final : messages.provisional,
  ].join(' · ');
}

function summaryOf(intervals: readonly Interval[], zone: string): string {
  let highest: Interval | undefined;
  let [entrances, exits] = [0, 0];
  for (const interval of intervals) {
    if (!highest || interval.max > highest.max) highest = interval;
    entrances += interval.entrances;
    exits += interval.exits;
  }
  if (!highest || (highest.max === 0 && entrances === 0 && exits === 0)) return messages.chartEmpty;
  const at = formatTime(highest.start, 'dateTime', zone);
  return messages.chartSummary(formatNumber(highest.max), at, formatNumber(entrances), formatNumber(exits));
}

interface CsvButtonProps {
  readonly id: number;
  readonly name: string;
  readonly history: History;
}

function CsvButton({ id, name, history: { span, interval } }: CsvButtonProps) {
  const problem = useSignal<string | undefined>(undefined);
  const download = (): void => {
    const shown = { ...span, toMs: Math.min(span.toMs, Date.now()) };
    const file = `${name} ${new Date(span.fromMs).toISOString().slice(0, 10)}.csv`;
    downloadCsv(intervalsPath(id, shown, interval), file).then(
      () => (problem.value = undefined),
      (error: unknown) => (problem.value = textOf(error)),
    );
  };
  return (
    <>
      <button type="button" class="button" onClick={download}>
        {messages.csv}
      </button>
      {problem.value === undefined ? null : (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
    </>
  );
}
