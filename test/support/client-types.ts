// The types of a client, generated from the OpenAPI document of the route table.
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript';
import { openApiDocument } from '../../src/http/openapi.ts';
import type { Route } from '../../src/http/routes/route.ts';
import { apiRoutes, type RouteDeps } from '../../src/http/routes/routes.ts';
import { fakeOf } from './fake-of.ts';

export const CLIENT_TYPES = fileURLToPath(new URL('../../web/api/schema.d.ts', import.meta.url));

/** Only the table is used; no handler runs. */
export function tableOfRoutes(): Route[] {
  return apiRoutes(fakeOf<RouteDeps>('RouteDeps', { options: { heartbeatMs: 1_000 } }), () => 0);
}

export async function clientTypes(): Promise<string> {
  const document = openApiDocument(tableOfRoutes(), '0.0.0');
  return COMMENT_HEADER + astToString(await openapiTS(document as unknown as Parameters<typeof openapiTS>[0]));
}
