// Whether it works, and what became of every reading.
import type { Account } from '../counts/account.ts';
import { defineRoute, type Route } from './route.ts';
import * as resources from './schemas/resources.ts';

export interface Self {
  /** What cannot be reached now. */
  problems(): Promise<string[]>;
  readonly accounts: { read(): Promise<Account> };
}

export function serviceRoutes(self: Self): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/health', operationId: 'getHealth', tag: 'service', summary: 'Whether it can serve', scope: null,
      description: 'For people and monitors. Orchestrators ask `/livez` and `/readyz` at the root.',
      success: { status: 200, description: 'it can', schema: resources.health, example: { status: 'ok', problems: [] } },
      alternativeStatus: { status: 503, description: 'it cannot, and why', schema: resources.health },
      handle: async (_input, ctx) => {
        const found = await self.problems();
        ctx.set('cache-control', 'no-store');
        ctx.status = found.length === 0 ? 200 : 503;
        return { status: found.length === 0 ? 'ok' : 'unavailable', problems: found };
      },
    }),
    defineRoute({
      method: 'GET', path: '/account', operationId: 'getAccount', tag: 'service', summary: 'What became of every reading', scope: 'read', problems: [503],
      success: {
        status: 200, description: 'the account', schema: resources.account,
        example: { accepted: 563, applied: 530, duplicate: 33, held: 0, dead_lettered: 0, dead_letters: {}, dead_letters_evicted: {}, remainder: 0 },
      },
      handle: async (_input, ctx) => {
        const account = await self.accounts.read();
        ctx.set('cache-control', 'no-store');
        return {
          accepted: account.accepted, applied: account.applied, duplicate: account.duplicate, held: account.held,
          dead_lettered: account.deadLettered, dead_letters: account.deadLetters, dead_letters_evicted: account.evicted, remainder: account.remainder,
        };
      },
    }),
  ];
}
