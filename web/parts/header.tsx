import { session, signOut } from '../api/session.ts';
import { messages } from '../i18n/i18n.ts';
import { isConnected } from '../live/live-spaces.ts';
import { DEAD_LETTERS, DISPLAYS, DOORS, OVERVIEW, PLANS, route } from '../route.ts';

const LINKS = [
  { to: OVERVIEW, text: messages.overview, views: ['overview', 'space'] },
  { to: PLANS, text: messages.plans, views: ['plans'] },
  { to: DOORS, text: messages.doors, views: ['doors', 'sensor'] },
  { to: DISPLAYS, text: messages.displays, views: ['displays'] },
  { to: DEAD_LETTERS, text: messages.deadLetters, views: ['dead-letters'] },
];

export function Header() {
  return (
    <header class="header">
      <a class="brand" href={OVERVIEW}>
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M7 17h4v8H7zM14 12h4v13h-4zM21 7h4v18h-4z" />
        </svg>
        {messages.title}
      </a>
      <nav aria-label={messages.navigation}>
        {LINKS.map(({ to, text, views }) => (
          <a key={to} href={to} aria-current={views.includes(route.value.view) ? 'page' : undefined}>
            {text}
          </a>
        ))}
        <a href="/docs">{messages.apiDocs}</a>
      </nav>
      <Connection />
      <Account />
    </header>
  );
}

function Connection() {
  const text = isConnected.value ? messages.connected : messages.disconnected;
  return <span class={`connection ${isConnected.value ? 'is-connected' : ''}`}>{text}</span>;
}

function Account() {
  if (session.value.kind !== 'signed-in' || session.value.name === null) return null;
  return (
    <button type="button" class="button is-quiet" title={session.value.name} onClick={() => signOut()}>
      {messages.signOut}
    </button>
  );
}
