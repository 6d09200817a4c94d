import { useEffect, useState } from 'preact/hooks';
import { messages } from '../i18n/i18n.ts';
import { isConnected } from '../live/live-spaces.ts';

/** A stream that resumes at once is not worth a warning. */
const GRACE_MS = 1_500;

/** The only live region of the page: counts change too often to be read out. */
export function ConnectionBanner() {
  const [isShown, setShown] = useState(false);
  const connected = isConnected.value;
  useEffect(() => {
    if (connected) {
      setShown(false);
      return undefined;
    }
    const timer = setTimeout(() => setShown(true), GRACE_MS);
    return () => clearTimeout(timer);
  }, [connected]);
  return (
    <div role="status" class="banner-place">
      {isShown ? <p class="banner">{messages.reconnecting}</p> : null}
    </div>
  );
}
