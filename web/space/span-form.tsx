import { useEffect, useState } from 'preact/hooks';
import { messages } from '../i18n/i18n.ts';
import { instantIn, localTimeIn } from '../i18n/zoned-time.ts';
import { TimeField } from '../parts/fields.tsx';
import type { Span } from '../span.ts';
import { lastHours } from './spans.ts';

interface SpanFormProps {
  readonly zone: string;
  readonly span: Span;
  readonly isToday: boolean;
  /** @param span undefined for today */
  readonly onChange: (span: Span | undefined) => void;
}

const PRESETS = [
  { text: messages.lastHours, hours: 6 },
  { text: messages.lastWeek, hours: 7 * 24 },
  { text: messages.lastMonth, hours: 30 * 24 },
];

export function SpanForm({ zone, span, isToday, onChange }: SpanFormProps) {
  const [from, setFrom] = useState(() => localTimeIn(zone, span.fromMs));
  const [to, setTo] = useState(() => localTimeIn(zone, span.toMs));
  useEffect(() => {
    setFrom(localTimeIn(zone, span.fromMs));
    setTo(localTimeIn(zone, span.toMs));
  }, [zone, span.fromMs, span.toMs]);
  const [fromMs, toMs] = [instantIn(zone, from), instantIn(zone, to)];
  const submit = (event: Event): void => {
    event.preventDefault();
    if (fromMs < toMs) onChange({ fromMs, toMs });
  };
  return (
    <form class="span-form" aria-label={messages.span} onSubmit={submit}>
      <div class="buttons">
        <button type="button" class="button" aria-pressed={isToday} onClick={() => onChange(undefined)}>
          {messages.today}
        </button>
        {PRESETS.map(({ text, hours }) => (
          <button key={hours} type="button" class="button" onClick={() => onChange(lastHours(hours, Date.now()))}>
            {text}
          </button>
        ))}
      </div>
      <TimeField label={messages.from} value={from} onChange={setFrom} />
      <TimeField label={messages.to} value={to} onChange={setTo} />
      <button type="submit" class="button" disabled={!(fromMs < toMs)}>
        {messages.show}
      </button>
    </form>
  );
}
