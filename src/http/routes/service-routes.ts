// Whether it works, and what became of every reading.
import type { z } from 'zod';
import type { Account } from '../../counts/account.ts';
import { findingsOf, type Comparison } from '../../counts/comparison.ts';
import { Failure } from '../../domain/failure.ts';
import type { Problem } from '../../domain/health.ts';
import { formatInstant } from '../../domain/instant.ts';
import type { Loss } from '../../recovery/losses.ts';
import { defineRoute, type Route } from './route.ts';
import * as resources from '../schemas/resources.ts';

export interface Self {
  /** What is not well in the cluster now. */
  readonly health: { problems(): Promise<Problem[]> };
  readonly accounts: { read(): Promise<Account> };
  readonly comparisons: { read(): Promise<Comparison> };
  /** What NATS has lost of what it had acknowledged. */
  readonly losses: { read(): Promise<readonly Loss[]> };
}

export function serviceRoutes(self: Self): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/health',
      operationId: 'getHealth',
      tag: 'service',
      summary: 'Whether all is well in the cluster',
      scope: null,
      description:
        'For people and monitors: any process says what every process sees. 503 with anything in `problems`, so that a monitor that looks at the status alone notices; ' +
        'most requests may be answered all the same. Orchestrators and load balancers ask `/livez` and `/readyz` at the root, which are about one process.',
      success: {
        status: 200,
        description: 'all is well',
        schema: resources.health,
        example: { status: 'ok', problems: [], losses: [] },
      },
      alternativeStatus: { status: 503, description: 'something is not, and what', schema: resources.health },
      handle: async (_input, ctx) => {
        const [found, losses] = await Promise.all([self.health.problems(), self.losses.read()]);
        ctx.set('cache-control', 'no-store');
        ctx.status = found.length === 0 ? 200 : 503;
        return {
          status: found.length === 0 ? 'ok' : 'unavailable',
          problems: found.map((problem) => ({ ...problem })),
          losses: losses.map(lossJson),
        };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/account',
      operationId: 'getAccount',
      tag: 'service',
      summary: 'What became of every reading',
      scope: 'read',
      description:
        'By what the routers have committed; and whether ClickHouse holds what the shards have stored there, no less and no more.',
      success: {
        status: 200,
        description: 'the account',
        schema: resources.account,
        example: {
          accepted: 563,
          applied: 530,
          duplicate: 33,
          held: 0,
          dead_lettered: 0,
          dead_letters: {},
          dead_letters_evicted: {},
          remainder: 0,
          stored: { readings: 530, differences: [], unknown_shards: [], missing: 0, findings: [] },
          losses: [],
        },
      },
      handle: async (_input, ctx) => {
        const [account, comparison, losses] = await Promise.all([
          self.accounts.read(),
          self.comparisons.read().catch(noneWhileUnavailable),
          self.losses.read(),
        ]);
        ctx.set('cache-control', 'no-store');
        return {
          accepted: account.accepted,
          applied: account.applied,
          duplicate: account.duplicate,
          held: account.held,
          dead_lettered: account.deadLettered,
          dead_letters: account.deadLetters,
          dead_letters_evicted: account.evicted,
          remainder: account.remainder,
          stored: comparison ? comparisonJson(comparison) : null,
          losses: losses.map(lossJson),
        };
      },
    }),
  ];
}

function lossJson({
  epoch,
  atMs,
  detail,
  readings,
  commits,
  topology,
}: Loss): z.output<typeof resources.health>['losses'][number] {
  return { epoch, at: formatInstant(atMs), detail, readings, commits, topology };
}

function noneWhileUnavailable(error: unknown): undefined {
  if (!(error instanceof Failure) || error.kind !== 'unavailable') throw error;
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
