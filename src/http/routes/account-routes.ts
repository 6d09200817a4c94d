// The account: where every accepted reading went.
import type { z } from 'zod';
import type { Account } from '../../counts/account.ts';
import { findingsOf, type Comparison } from '../../counts/comparison.ts';
import { Failure } from '../../domain/failure.ts';
import type { Loss } from '../../recovery/losses.ts';
import { lossJson } from '../loss-json.ts';
import { defineRoute, type Route } from './route.ts';
import * as resources from '../schemas/resources.ts';

export interface AccountDeps {
  readonly accounts: { read(): Promise<Account> };
  readonly comparisons: { read(): Promise<Comparison> };
  /** Acknowledged messages that NATS has lost. */
  readonly losses: { read(): Promise<readonly Loss[]> };
}

const EXAMPLE = {
  accepted: 563,
  applied: 530,
  duplicate: 33,
  held: 0,
  excluded: 0,
  deleted: 0,
  dead_lettered: 0,
  dead_letters: {},
  dead_letters_evicted: {},
  remainder: 0,
  stored: { readings: 530, differences: [], unknown_shards: [], missing: 0, findings: [] },
  losses: [],
};

export function accountRoutes({ accounts, comparisons, losses }: AccountDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/account',
      operationId: 'getAccount',
      tag: 'service',
      summary: 'Where every accepted reading went',
      scope: 'read',
      description:
        'Computed from the commits of the routers, and compared with ClickHouse: `stored` reports missing and surplus readings.',
      success: { status: 200, description: 'the account', schema: resources.account, example: EXAMPLE },
      handle: async (_input, ctx) => {
        const [account, comparison, lost] = await Promise.all([
          accounts.read(),
          comparisons.read().catch(undefinedIfUnavailable),
          losses.read(),
        ]);
        ctx.set('cache-control', 'no-store');
        return {
          ...accountJson(account),
          stored: comparison ? comparisonJson(comparison) : null,
          losses: lost.map(lossJson),
        };
      },
    }),
  ];
}

function accountJson(account: Account): Omit<z.output<typeof resources.account>, 'stored' | 'losses'> {
  return {
    accepted: account.accepted,
    applied: account.applied,
    duplicate: account.duplicate,
    held: account.held,
    excluded: account.excluded,
    deleted: account.deleted,
    dead_lettered: account.deadLettered,
    dead_letters: account.deadLetters,
    dead_letters_evicted: account.evicted,
    remainder: account.remainder,
  };
}

function comparisonJson(comparison: Comparison): z.output<typeof resources.account>['stored'] {
  const { stored, differences, unknown, missing } = comparison;
  return {
    readings: stored,
    unknown_shards: [...unknown],
    missing: missing ?? null,
    findings: findingsOf(comparison),
    differences: differences.map(({ shard, block, expected, stored: readings }) => ({
      shard,
      block,
      expected,
      stored: readings,
    })),
  };
}

function undefinedIfUnavailable(error: unknown): undefined {
  if (!(error instanceof Failure) || error.kind !== 'unavailable') throw error;
}
