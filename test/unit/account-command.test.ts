// `density account` against an API whose account balances, and against APIs whose account does not.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { accountCommand } from '../../src/cli/account-command.ts';
import { readConfig } from '../../src/config.ts';

const WHOLE = {
  accepted: 10,
  applied: 6,
  duplicate: 2,
  held: 1,
  excluded: 0,
  deleted: 0,
  dead_lettered: 1,
  dead_letters: { future: 1 },
  dead_letters_evicted: {},
  remainder: 0,
  stored: { readings: 7, findings: [] },
};

describe('density account', () => {
  let server: Server | undefined;
  afterEach(() => void server?.close());

  async function account(body: object): Promise<{ code: number; output: string }> {
    server = createServer((_, response) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body)),
    );
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const lines: string[] = [];
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const code = await accountCommand(readConfig({}), { url }, (line) => lines.push(line));
    return { code, output: lines.join('\n') };
  }

  it('A1 exits with 0 when every accepted reading is accounted for', async () => {
    const { code, output } = await account(WHOLE);
    expect(code).toBe(0);
    expect(output).toContain(
      'accepted 10 = applied 6 + duplicate 2 + held 1 + excluded 0 + deleted 0 + dead-lettered 1',
    );
  });

  it('A1 exits with 1 when a reading is missing', async () => {
    const { code, output } = await account({ ...WHOLE, applied: 5, remainder: 1 });
    expect(code).toBe(1);
    expect(output).toContain('MISSING');
  });

  it('A1 exits with 1 when a dead letter is missing', async () => {
    expect((await account({ ...WHOLE, dead_letters: {} })).code).toBe(1);
  });

  it('A3 exits with 1 when ClickHouse lacks a reading, and when it cannot be queried', async () => {
    const lacking = await account({
      ...WHOLE,
      stored: { readings: 6, findings: ['shard 3: ClickHouse holds 1 reading fewer'] },
    });
    expect(lacking.code).toBe(1);
    expect(lacking.output).toContain('! shard 3: ClickHouse holds 1 reading fewer');
    expect(lacking.output).not.toContain('every reading is accounted for');
    const unasked = await account({ ...WHOLE, stored: null });
    expect(unasked.code).toBe(1);
    expect(unasked.output).toContain('! not compared with ClickHouse');
  });

  it('A1 exits with 0 when a dead letter was evicted, and says so', async () => {
    const { code, output } = await account({ ...WHOLE, dead_letters: {}, dead_letters_evicted: { future: 1 } });
    expect(code).toBe(0);
    expect(output).toContain('evicted (DEAD_LETTERS_BYTES_MAX');
  });
});
