import type { ClickHouseClient } from '@clickhouse/client';
import { instead } from './instead.ts';

/** A client whose statements of some kind fail. The engine has one user, so a test cannot take a right from it. */
export function refusing(client: ClickHouseClient, kind: RegExp, message: string): ClickHouseClient {
  return instead(client, {
    command: async (params) => {
      if (kind.test(params.query)) throw new Error(message);
      return client.command(params);
    },
  });
}
