import { readFile } from 'node:fs/promises';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { describe, expect, it } from 'vitest';
import { openApiDocument } from '../../src/http/openapi.ts';
import { SCOPES } from '../../src/http/auth/scope.ts';
import { CLIENT_TYPES, clientTypes, tableOfRoutes } from '../support/client-types.ts';

describe('the OpenAPI document', () => {
  const document = openApiDocument(tableOfRoutes(), '0.0.0');

  it('passes the strictest rules of its linter', async () => {
    const config = await createConfig({ extends: ['recommended-strict'] });
    const found = await lintFromString({ source: JSON.stringify(document), config });
    expect(found.map(({ ruleId, message, location }) => `${ruleId} ${message} ${location[0]?.pointer}`)).toEqual([]);
  });

  it('has an example for every request and response body', () => {
    const missing: string[] = [];
    for (const [path, methods] of Object.entries(document['paths'] as Record<string, Record<string, Operation>>)) {
      for (const [method, { requestBody, responses }] of Object.entries(methods)) {
        const contents = [
          requestBody,
          ...Object.entries(responses)
            .filter(([status]) => status.startsWith('2'))
            .map(([, response]) => response),
        ];
        for (const content of contents.flatMap((each) => Object.values(each?.content ?? {})))
          if (content.example === undefined) missing.push(`${method} ${path}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it('says which scope each operation needs', () => {
    for (const { scope, operationId } of tableOfRoutes())
      if (scope !== null) expect(SCOPES, operationId).toContain(scope);
  });

  it('is the source of the test client (npm run generate:client)', async () => {
    expect(await readFile(CLIENT_TYPES, 'utf8')).toBe(await clientTypes());
  });
});

interface Operation {
  readonly requestBody?: { readonly content?: Record<string, { readonly example?: unknown }> };
  readonly responses: Record<string, { readonly content?: Record<string, { readonly example?: unknown }> }>;
}
