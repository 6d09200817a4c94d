// Which view is shown. It is in the fragment of the address, so that the service has one page and links can be shared.
import { signal } from '@preact/signals';
import type { Span } from './span.ts';

export type Route =
  | { readonly view: 'overview' }
  | { readonly view: 'space'; readonly id: number; readonly span: Span | undefined }
  | { readonly view: 'doors' }
  | { readonly view: 'sensor'; readonly id: string }
  | { readonly view: 'plans'; readonly id: string | undefined }
  | { readonly view: 'displays' }
  | { readonly view: 'dead-letters' }
  | { readonly view: 'unknown' };

export const route = signal<Route>(parseRoute(location.hash));
addEventListener('hashchange', () => (route.value = parseRoute(location.hash)));

function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [view = '', id, ...rest] = path.split('/');
  if (view === '' && id === undefined) return { view: 'overview' };
  if (view === 'spaces' && id !== undefined && /^\d+$/.test(id) && rest.length === 0)
    return { view: 'space', id: Number(id), span: parseSpan(new URLSearchParams(query)) };
  if (view === 'sensors' && id !== undefined && rest.length === 0) return { view: 'sensor', id: decoded(id) };
  if (view === 'plans' && rest.length === 0) return { view, id: id === undefined ? undefined : decoded(id) };
  if ((view === 'doors' || view === 'displays' || view === 'dead-letters') && id === undefined) return { view };
  return { view: 'unknown' };
}

/** As it is, if it is not encoded correctly. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parseSpan(query: URLSearchParams): Span | undefined {
  const [fromMs, toMs] = [query.get('from'), query.get('to')].map((text) => Date.parse(text ?? ''));
  return fromMs !== undefined && toMs !== undefined && fromMs < toMs ? { fromMs, toMs } : undefined;
}

export const OVERVIEW = '#/';
export const DOORS = '#/doors';
export const PLANS = '#/plans';
export const DISPLAYS = '#/displays';
export const DEAD_LETTERS = '#/dead-letters';

export const linkToSensor = (id: string): string => `#/sensors/${encodeURIComponent(id)}`;

export const linkToPlan = (id: string): string => `${PLANS}/${encodeURIComponent(id)}`;

/** A page of its own, without the dashboard. */
export const linkToDisplay = (spaceId: number): string => `/display/${spaceId}`;

/** The space of which this page is a public display; undefined for the dashboard. */
export function displayedSpace(): number | undefined {
  const id = /^\/display\/(\d+)\/?$/.exec(location.pathname)?.[1];
  return id === undefined ? undefined : Number(id);
}

export function linkToSpace(id: number, span?: Span): string {
  if (!span) return `#/spaces/${id}`;
  const query = { from: new Date(span.fromMs).toISOString(), to: new Date(span.toMs).toISOString() };
  return `#/spaces/${id}?${new URLSearchParams(query).toString()}`;
}
