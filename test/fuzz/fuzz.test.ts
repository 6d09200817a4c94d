// The short form of `npm run fuzz`.
import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';

it('every answer to a thousand requests, made from the OpenAPI document, is as the document says, and the service counts afterwards', async () => {
  const { faults, sent, raw, neverGood, byStatus } = await fuzz({ seed: 7, requests: 1_000, say: () => undefined });
  expect(faults.join('\n\n')).toBe('');
  expect([sent, raw]).toEqual([950, 50]);
  // The requests get past the first check: every operation has done what it is for, and refused what it ought to.
  expect(neverGood).toEqual([]);
  for (const status of [200, 201, 202, 204, 304, 400, 401, 403, 404, 409, 412, 415, 417, 422])
    expect(byStatus[status], String(status)).toBeGreaterThan(0);
}, 300_000);
