import { messages } from '../i18n/i18n.ts';
import type { SpaceStatus } from '../live/space-status.ts';

const TEXTS: Readonly<Record<SpaceStatus, { readonly text: string; readonly hint?: string }>> = {
  disconnected: { text: messages.disconnected, hint: messages.reconnecting },
  stale: { text: messages.stale, hint: messages.staleHint },
  'no-reading': { text: messages.noReading },
  provisional: { text: messages.provisional, hint: messages.provisionalHint },
  final: { text: messages.final, hint: messages.finalHint },
};

/** A word, a colour and a shape, because not everybody sees the colour. */
export function StatusPill({ status }: { readonly status: SpaceStatus }) {
  const { text, hint } = TEXTS[status];
  return (
    <span class={`pill is-${status}`} title={hint}>
      {text}
    </span>
  );
}
