import { messages } from '../i18n/i18n.ts';
import { formatPercent } from '../i18n/format.ts';
import { levelOf } from '../live/fullness.ts';

interface CapacityBarProps {
  readonly count: number;
  readonly capacity: number;
}

export function CapacityBar({ count, capacity }: CapacityBarProps) {
  const share = capacity === 0 ? 1 : count / capacity;
  return (
    <div class="capacity">
      <div class="capacity-track" aria-hidden="true">
        <div class={`capacity-fill is-${levelOf(share)}`} style={{ width: `${Math.min(100, share * 100)}%` }} />
      </div>
      <span class="capacity-text">{messages.percentFull(formatPercent(share))}</span>
    </div>
  );
}
