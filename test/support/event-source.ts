// A client of server-sent events, using a parser that behaves like a browser's.
import { createParser, type EventSourceMessage } from 'eventsource-parser';

export interface SseEvent {
  readonly event: string;
  readonly id: string | undefined;
  // A test asserts whatever it reads from the JSON.
  readonly data: Record<string, unknown>;
}

export interface SseClient {
  readonly status: number;
  readonly headers: Headers;
  readonly events: SseEvent[];
  /** Comments, such as keep-alives. */
  readonly comments: string[];
  close(): void;
}

export async function openEvents(url: string, headers: Record<string, string> = {}): Promise<SseClient> {
  const abort = new AbortController();
  const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers }, signal: abort.signal });
  const events: SseEvent[] = [];
  const comments: string[] = [];
  const parser = createParser({
    onEvent: ({ event, id, data }: EventSourceMessage) =>
      events.push({ event: event ?? 'message', id, data: JSON.parse(data) as Record<string, unknown> }),
    onComment: (comment) => comments.push(comment),
  });
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
  };
  if (response.ok) read().catch(() => undefined);
  return { status: response.status, headers: response.headers, events, comments, close: () => abort.abort() };
}
