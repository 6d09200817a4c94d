// All spaces with their live counts. Events are collected and applied together, at most ten times a second, and each space has signals of
// its own, so that a change draws only the card of that space.
import { batch, signal, type Signal } from '@preact/signals';
import { allPages, api, API, bodyOf } from '../api/client.ts';
import { authorization, openSession } from '../api/session.ts';
import type { Space } from '../api/types.ts';
import type { Correction, LiveCount, LiveEvent } from './live-event.ts';
import { LiveStream } from './live-stream.ts';
import { pacedDrawing } from './paced-drawing.ts';

export interface LiveSpace {
  readonly space: Signal<Space>;
  readonly live: Signal<LiveCount | undefined>;
  /** Increases when answers about the space's history are no longer valid. */
  readonly historyVersion: Signal<number>;
}

const RELOAD_MS = 60_000;
/** Until the spaces have been loaded once. */
const RETRY_MS = 2_000;
const CORRECTIONS_MAX = 50;

export const spaces = signal<ReadonlyMap<number, LiveSpace>>(new Map());
export const isLoaded = signal(false);
export const isConnected = signal(true);
/** Increases when the first count of a space arrives. */
export const firstCounts = signal(0);
/** The corrections of final counts since the page was opened, newest first. */
export const corrections = signal<readonly Correction[]>([]);

/** Its name, or its number if the name is not known. */
export function spaceName(id: number): string {
  return spaces.value.get(id)?.space.value.name ?? String(id);
}

/** What arrived since the last drawing. */
class Arrived {
  readonly counts = new Map<number, LiveCount>();
  readonly invalid = new Set<number>();
  readonly corrections: Correction[] = [];

  add(event: LiveEvent): void {
    if (event.kind === 'correction') {
      this.corrections.unshift(event.data);
      this.invalid.add(event.data.space_id);
    } else {
      this.counts.set(event.data.space_id, event.data);
      // A snapshot means that something was missed, including corrections of history.
      if (event.kind === 'snapshot') this.invalid.add(event.data.space_id);
    }
  }
}

let arrived = new Arrived();
let isLoading = false;

/** @returns a function that ends it */
export function watchSpaces(): () => void {
  const stream = new LiveStream({
    path: `${API}/counts/stream`,
    headers: authorization,
    // The token was revoked or has lost a scope: the session finds out which.
    onRefused: openSession,
    onEvent: receive,
    onConnected: (is) => (isConnected.value = is),
  });
  void loadSpaces();
  const reload = setInterval(() => void loadSpaces(), RELOAD_MS);
  return () => {
    clearInterval(reload);
    stream.stop();
  };
}

/** Reads which spaces there are. While the service is unreachable, what was known remains. */
export async function loadSpaces(): Promise<void> {
  if (isLoading) return;
  isLoading = true;
  try {
    const found = await allPages(async (query) => bodyOf(api.GET('/spaces', { params: { query } })));
    batch(() => {
      spaces.value = new Map(found.map((space) => [space.id, withLive(space, spaces.value.get(space.id))]));
      isLoaded.value = true;
    });
    draw();
  } catch {
    if (!isLoaded.value) setTimeout(() => void loadSpaces(), RETRY_MS);
  } finally {
    isLoading = false;
  }
}

function withLive(space: Space, known: LiveSpace | undefined): LiveSpace {
  if (!known) return { space: signal(space), live: signal(undefined), historyVersion: signal(0) };
  if (known.space.value.updated_at !== space.updated_at) known.space.value = space;
  return known;
}

function receive(event: LiveEvent): void {
  arrived.add(event);
  askForDrawing();
}

const askForDrawing = pacedDrawing(() => {
  const isUnknown = [...arrived.counts.keys()].some((id) => !spaces.value.has(id));
  // A new space: what arrived is drawn once the spaces are loaded again.
  if (isUnknown) void loadSpaces();
  else draw();
}, requestAnimationFrame);

/** Applies what arrived. Counts of spaces that do not exist any more are dropped. */
function draw(): void {
  const { counts, invalid, corrections: corrected } = arrived;
  arrived = new Arrived();
  batch(() => {
    for (const [id, count] of counts) {
      const known = spaces.value.get(id);
      if (!known) continue;
      if (known.live.value === undefined) firstCounts.value += 1;
      known.live.value = count;
    }
    for (const id of invalid) invalidate(id);
    if (corrected.length > 0) corrections.value = [...corrected, ...corrections.value].slice(0, CORRECTIONS_MAX);
  });
}

function invalidate(id: number): void {
  const known = spaces.value.get(id);
  if (known) known.historyVersion.value += 1;
}
