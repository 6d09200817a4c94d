// The token of this tab, and what it allows. It is kept in the tab's session storage and sent in a header only.
import { computed, signal } from '@preact/signals';
import type { Principal, Scope } from './types.ts';

const STORAGE_KEY = 'density.token';
const RETRY_MS = 2_000;

export type Session =
  | { readonly kind: 'opening' }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'signed-out'; readonly reason: 'no-token' | 'refused' | 'forbidden' }
  | ({ readonly kind: 'signed-in' } & Principal);

export const session = signal<Session>({ kind: 'opening' });

let token = sessionStorage.getItem(STORAGE_KEY) ?? undefined;

export function authorization(): Readonly<Record<string, string>> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** Finds out whether a token is needed, and what the present one allows. Tries again while the service is unreachable. */
export async function openSession(): Promise<void> {
  session.value = await askPrincipal().catch((): Session => ({ kind: 'unreachable' }));
  if (session.value.kind === 'unreachable' || session.value.kind === 'starting')
    setTimeout(() => void openSession(), RETRY_MS);
}

async function askPrincipal(): Promise<Session> {
  const response = await fetch('/api/v1/principal', { headers: authorization() });
  if (response.status === 401) {
    const reason = token === undefined ? 'no-token' : 'refused';
    forget();
    return { kind: 'signed-out', reason };
  }
  if (response.status === 403) {
    forget();
    return { kind: 'signed-out', reason: 'forbidden' };
  }
  if (!response.ok) return { kind: (await isStarting(response)) ? 'starting' : 'unreachable' };
  return { kind: 'signed-in', ...((await response.json()) as Principal) };
}

/** The service listens before it can answer. */
export async function isStarting(response: Response): Promise<boolean> {
  if (response.status !== 503) return false;
  const { detail } = (await response.json()) as { detail?: string };
  return detail === 'the service is starting';
}

export async function signIn(given: string): Promise<void> {
  token = given.trim();
  sessionStorage.setItem(STORAGE_KEY, token);
  await openSession();
}

/** @param reason why the token is not accepted any more */
export function signOut(reason: 'no-token' | 'refused' = 'no-token'): void {
  forget();
  session.value = { kind: 'signed-out', reason };
}

function forget(): void {
  token = undefined;
  sessionStorage.removeItem(STORAGE_KEY);
}

const scopes = computed((): readonly Scope[] => (session.value.kind === 'signed-in' ? session.value.scopes : []));

export function may(scope: Scope): boolean {
  return scopes.value.includes(scope) || scopes.value.includes('admin');
}
