// A short version of `npm run fuzz`.
import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';

it('all answers to 2,500 requests generated from the OpenAPI document match it, and the service still counts', async () => {
  const { faults, sent, raw, neverSucceeded, byStatus } = await fuzz({
    seed: 8,
    requests: 2_500,
    printLine: () => undefined,
  });
  expect(faults.join('\n\n')).toBe('');
  expect([sent, raw]).toEqual([2_375, 125]);
  // The requests get past the first validation: every operation has succeeded, and has refused bad requests.
  expect(neverSucceeded).toEqual([]);
  for (const status of [200, 201, 202, 204, 304, 400, 401, 403, 404, 409, 412, 415, 417, 422])
    expect(byStatus[status], String(status)).toBeGreaterThan(0);
}, 300_000);
