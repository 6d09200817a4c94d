// Dead letters: unusable items, and sending them again.
import { z } from 'zod';
import { formatInstant } from '../../domain/instant.ts';
import { letterIdOf, type LetterSummary, type ListedLetters } from '../../ports/dead-letters.ts';
import { replayLetters, senderOf, type ReplayDeps, type ReplayResult } from '../../publishing/replay-letters.ts';
import { pageOf, type Readers } from '../list.ts';
import { IF_NONE_MATCH, revalidatedPage } from '../middleware/caching.ts';
import { LIST_HEADERS, setPageHeaders } from '../paging.ts';
import * as schemas from '../schemas/dead-letters.ts';
import { replayBody } from '../schemas/bodies.ts';
import { listQuery } from '../schemas/list.ts';
import { defineRoute, type Route } from './route.ts';
import { refuseUnstored } from './unstored.ts';

/** The part of a letter's content that a list shows, because a letter may have a megabyte. */
const TEXT_MAX_BYTES = 1_000;

const FIELDS = {
  stored_at: 'instant',
  dpu_id: 'text',
  reason: 'text',
  items: 'number',
  subject: 'text',
  readings_seq: 'number',
} as const;
const READERS: Readers<LetterSummary, typeof FIELDS> = {
  stored_at: ({ storedMs }) => storedMs,
  dpu_id: senderOf,
  reason: ({ reason }) => reason,
  items: ({ items }) => items,
  subject: ({ subject }) => subject,
  readings_seq: ({ readingsSeq }) => readingsSeq,
};

const EXAMPLE = {
  id: 'future.4711.0',
  stored_at: '2026-11-24T09:00:00.120Z',
  arrived_at: '2026-11-24T09:00:00.107Z',
  dpu_id: '423',
  reason: 'future',
  detail: 'timestamp is too far in the future: the latest that is accepted now is 2026-11-24T09:05:00.107Z',
  subject: 'readings.6.423.readings',
  readings_seq: 4711,
  index: 0,
  items: 1,
  cut: false,
  bytes: 53,
  text: '{"timestamp":"2026-11-24T10:00:00.000Z","direction":1}',
  replayed: null,
};

export function deadLettersRoutes(letters: ListedLetters, deps: ReplayDeps): Route[] {
  return [listDeadLetters(letters), replayDeadLetters(deps)];
}

function listDeadLetters(letters: ListedLetters): Route {
  return defineRoute({
    method: 'GET',
    path: '/dead-letters',
    operationId: 'listDeadLetters',
    tag: 'readings',
    summary: 'List dead letters',
    scope: 'read',
    description:
      'Items that could not be used, with the reason. One letter holds all items of a message that were rejected for one reason.',
    query: z.strictObject(listQuery(FIELDS, 'stored_at')),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'a page of dead letters',
      schema: z.array(schemas.deadLetter),
      example: [EXAMPLE],
      headers: LIST_HEADERS,
    },
    handle: async ({ query }, ctx) => {
      const { page, total } = await pageOf(letters.summaries(), READERS, query);
      const { limit, offset } = query;
      const next = offset + limit < total ? { offset: offset + limit } : undefined;
      setPageHeaders(ctx, { total, offset, limit, next });
      return revalidatedPage(ctx, total, await Promise.all(page.map((letter) => letterJson(letter, letters))));
    },
  });
}

function replayDeadLetters(deps: ReplayDeps): Route {
  return defineRoute({
    method: 'POST',
    path: '/dead-letters/replay',
    operationId: 'replayDeadLetters',
    tag: 'readings',
    summary: 'Send dead letters again',
    scope: 'readings:write',
    description:
      'Sends the content of the selected letters again, as if the sensor had sent it now, with its timestamps shifted or for another sensor if asked. ' +
      'A letter is replayed in one way only, so sending this request again, or another with another shift, counts nobody twice. ' +
      'Items that would be rejected again are not sent, and neither are letters that hold only a part.',
    body: replayBody,
    bodyExample: { dpu_id: '423', reason: 'future', shift: '-PT1H' },
    success: {
      status: 200,
      description: 'what was sent again, and what was not',
      schema: schemas.replay,
      example: { letters: 1, replayed: 1, not_replayed_count: 0, not_replayed: [], dry_run: false },
    },
    problems: [503],
    handle: async ({ body }, ctx) => {
      const result = await replayLetters(
        {
          sentBy: body.dpu_id,
          reason: body.reason,
          fromMs: body.start,
          toMs: body.end,
          shiftMs: body.shift ?? 0,
          dpuId: body.to_dpu_id ?? null,
          isDryRun: body.dry_run,
        },
        deps,
      ).catch(refuseUnstored(ctx, 'some dead letters were not replayed; send the request again'));
      ctx.set('cache-control', 'no-store');
      return replayJson(result, body.dry_run);
    },
  });
}

function replayJson(
  { letters, readings, skipped, skippedItems }: ReplayResult,
  isDryRun: boolean,
): z.output<typeof schemas.replay> {
  return {
    letters,
    replayed: readings,
    not_replayed_count: skippedItems,
    not_replayed: skipped.map(({ letterId: id, items, detail }) => ({ id, items, detail })),
    dry_run: isDryRun,
  };
}

async function letterJson(letter: LetterSummary, letters: ListedLetters): Promise<z.output<typeof schemas.deadLetter>> {
  // Empty if the letter was evicted meanwhile.
  const { raw = new Uint8Array(), replay } = (await letters.content(letter)) ?? {};
  return {
    id: letterIdOf(letter),
    stored_at: formatInstant(letter.storedMs),
    arrived_at: formatInstant(letter.arrivedMs),
    dpu_id: senderOf(letter),
    reason: letter.reason,
    detail: letter.detail,
    subject: letter.subject,
    readings_seq: letter.readingsSeq,
    index: letter.index,
    items: letter.items,
    cut: letter.isCut,
    bytes: letter.bytes,
    text: new TextDecoder().decode(raw.subarray(0, TEXT_MAX_BYTES)),
    replayed: replay ? { at: formatInstant(replay.atMs), shift: replay.shiftMs, dpu_id: replay.dpuId } : null,
  };
}
