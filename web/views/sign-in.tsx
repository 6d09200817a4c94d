import { useState } from 'preact/hooks';
import { signIn } from '../api/session.ts';
import { messages } from '../i18n/i18n.ts';

interface SignInProps {
  readonly reason: 'no-token' | 'refused' | 'forbidden';
}

const PROBLEMS = { 'no-token': undefined, refused: messages.tokenRefused, forbidden: messages.tokenForbidden } as const;

export function SignIn({ reason }: SignInProps) {
  const [token, setToken] = useState('');
  const problem = PROBLEMS[reason];
  const submit = (event: Event): void => {
    event.preventDefault();
    if (token.trim() !== '') void signIn(token);
  };
  return (
    <main class="sign-in">
      <form class="panel" onSubmit={submit}>
        <h1>{messages.signIn}</h1>
        <p class="hint" id="token-hint">
          {messages.signInHint}
        </p>
        <label class="field">
          <span>{messages.token}</span>
          <input
            type="password"
            autocomplete="off"
            required
            value={token}
            aria-describedby={problem === undefined ? 'token-hint' : 'token-hint token-problem'}
            aria-invalid={problem !== undefined}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        {problem === undefined ? null : (
          <p class="problem" id="token-problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="button is-primary">
          {messages.signIn}
        </button>
      </form>
    </main>
  );
}
