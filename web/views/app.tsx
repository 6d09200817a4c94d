import { useEffect, useRef } from 'preact/hooks';
import { session } from '../api/session.ts';
import { messages } from '../i18n/i18n.ts';
import { watchSpaces } from '../live/live-spaces.ts';
import { ConnectionBanner } from '../parts/connection-banner.tsx';
import { Header } from '../parts/header.tsx';
import { NothingHere, WholePageNotice } from '../parts/notice.tsx';
import { route } from '../route.ts';
import { DisplaysView } from './displays-view.tsx';
import { DeadLettersView } from './dead-letters-view.tsx';
import { DoorsView } from './doors-view.tsx';
import { Overview } from './overview.tsx';
import { PlansView } from './plans-view.tsx';
import { SensorView } from './sensor-view.tsx';
import { SignIn } from './sign-in.tsx';
import { SpaceView } from './space-view.tsx';

export function App() {
  const { kind } = session.value;
  switch (kind) {
    case 'opening':
      return <WholePageNotice text={messages.opening} />;
    case 'unreachable':
      return <WholePageNotice text={messages.unreachable} />;
    case 'starting':
      return <WholePageNotice text={messages.starting} />;
    case 'signed-out':
      return <SignIn reason={session.value.reason} />;
    case 'signed-in':
      return <Dashboard />;
  }
}

function Dashboard() {
  useEffect(() => watchSpaces(), []);
  return (
    <>
      <a class="skip-link" href="#main" onClick={focusMain}>
        {messages.skip}
      </a>
      <Header />
      <ConnectionBanner />
      <main id="main" tabIndex={-1}>
        <View />
      </main>
    </>
  );
}

/** The fragment of the address is the view, so the link must not change it. */
function focusMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function View() {
  const shown = route.value;
  const isFirst = useRef(true);
  const key = 'id' in shown ? `${shown.view} ${shown.id}` : shown.view;
  useEffect(() => {
    // Screen readers hear of a new view by the focus; the first one is announced by the page itself.
    if (!isFirst.current) document.getElementById('main')?.focus({ preventScroll: true });
    isFirst.current = false;
    scrollTo(0, 0);
  }, [key]);
  switch (shown.view) {
    case 'overview':
      return <Overview />;
    case 'space':
      return <SpaceView key={key} id={shown.id} span={shown.span} />;
    case 'doors':
      return <DoorsView />;
    case 'sensor':
      return <SensorView key={key} id={shown.id} />;
    case 'plans':
      return <PlansView id={shown.id} />;
    case 'displays':
      return <DisplaysView />;
    case 'dead-letters':
      return <DeadLettersView />;
    case 'unknown':
      return <NothingHere text={messages.notFound} />;
  }
}
