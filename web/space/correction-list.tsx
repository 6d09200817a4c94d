import type { Space } from '../api/types.ts';
import { formatTime } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';
import { corrections } from '../live/live-spaces.ts';

export function CorrectionList({ space: { id, time_zone: zone } }: { readonly space: Space }) {
  const found = corrections.value.filter(({ space_id: of }) => of === id);
  return (
    <section class="panel" aria-labelledby="corrections-title">
      <h2 id="corrections-title">{messages.corrections}</h2>
      <p class="hint">{found.length === 0 ? messages.noCorrections : messages.correctionsHint}</p>
      {found.length === 0 ? null : (
        <ol class="plain-list">
          {found.map(({ from, to, cause }, index) => (
            <li key={found.length - index}>
              {messages.correctionOf(
                formatTime(from, 'dateTime', zone),
                formatTime(to, 'dateTime', zone),
                messages.causes[cause],
              )}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
