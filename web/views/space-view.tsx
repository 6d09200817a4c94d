import { messages } from '../i18n/i18n.ts';
import { isLoaded, spaces, type LiveSpace } from '../live/live-spaces.ts';
import { nowMs } from '../now.ts';
import { NothingHere, Notice } from '../parts/notice.tsx';
import type { Span } from '../span.ts';
import { CorrectionList } from '../space/correction-list.tsx';
import { ExplanationPanel } from '../space/explanation-panel.tsx';
import { HeatMap } from '../space/heat-map.tsx';
import { HistoryPanel } from '../space/history-panel.tsx';
import { ResetPanel } from '../space/reset-panel.tsx';
import { RevisionPanel } from '../space/revision-panel.tsx';
import { SpaceNow } from '../space/space-now.tsx';
import { today } from '../space/spans.ts';
import { useTitle } from '../use-title.ts';

interface SpaceViewProps {
  readonly id: number;
  /** Undefined for today. */
  readonly span: Span | undefined;
}

export function SpaceView({ id, span }: SpaceViewProps) {
  const known = spaces.value.get(id);
  if (known) return <KnownSpace known={known} span={span} />;
  return isLoaded.value ? <NothingHere text={messages.noSpace} /> : <Notice text={messages.loading} />;
}

function KnownSpace({ known, span: wanted }: { readonly known: LiveSpace; readonly span: Span | undefined }) {
  const space = known.space.value;
  useTitle(space.name);
  const span = wanted ?? today(space.time_zone, nowMs.value);
  return (
    <>
      <SpaceNow known={known} />
      <div class="space-body">
        <HistoryPanel known={known} span={span} isToday={wanted === undefined} />
        <div class="pair">
          <ExplanationPanel space={space} span={span} />
          <HeatMap space={space} />
        </div>
        <div class="pair">
          <ResetPanel space={space} />
          <CorrectionList space={space} />
        </div>
        <RevisionPanel key={space.id} space={space} span={span} />
      </div>
    </>
  );
}
