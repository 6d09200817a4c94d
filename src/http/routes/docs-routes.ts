// The OpenAPI document and Swagger UI, served from the package's own files so that the page loads nothing from other hosts.
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import type { Context } from 'koa';
import { z } from 'zod';
import { openApiDocument } from '../openapi.ts';
import { HttpProblem } from '../problem.ts';
import { API_PREFIX, defineRoute, type Route } from './route.ts';
import { field } from '../schemas/fields.ts';

const FILES_FOLDER = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];
const BASE = `${API_PREFIX}/docs`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>density-api</title>
  <link rel="icon" type="image/png" href="${BASE}/favicon-32x32.png">
  <link rel="stylesheet" href="${BASE}/swagger-ui.css">
</head>
<body>
  <div id="docs"></div>
  <script src="${BASE}/swagger-ui-bundle.js"></script>
  <script src="${BASE}/start.js"></script>
</body>
</html>
`;

// A separate file, so that the content security policy need not allow inline scripts. Without
// \`validatorUrl: null\` Swagger UI sends the document to a public validator.
const START = `SwaggerUIBundle({ url: '${API_PREFIX}/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null });\n`;

/** @param routes all other routes, which the document describes */
export function docsRoutes(routes: readonly Route[], version: string): Route[] {
  const openApi = openApiRoute();
  // Generated on the first request.
  let text: string | undefined;
  function openApiRoute(): Route {
    return defineRoute({
      method: 'GET',
      path: '/openapi.json',
      operationId: 'getOpenApi',
      tag: 'service',
      summary: 'The OpenAPI document',
      scope: null,
      success: {
        status: 200,
        description: 'OpenAPI 3.1',
        schema: z.record(z.string(), z.unknown()),
        example: { openapi: '3.1.0' },
      },
      handle: (_input, ctx) => {
        text ??= JSON.stringify(openApiDocument([...routes, openApi], version));
        ctx.type = 'application/json';
        return text;
      },
    });
  }
  const common = { method: 'GET', tag: 'service', scope: null, isDocumented: false } as const;
  return [
    openApi,
    defineRoute({
      ...common,
      path: '/docs',
      operationId: 'getDocs',
      summary: 'A page to try the API',
      success: { status: 200, description: 'the page' },
      handle: (_input, ctx) => page(ctx),
    }),
    defineRoute({
      ...common,
      path: '/docs/{file}',
      operationId: 'getDocsFile',
      summary: 'A file of the page',
      success: { status: 200, description: 'the file' },
      params: z.strictObject({
        file: field({ type: 'string' }, 'must be a name', (value) => (typeof value === 'string' ? value : undefined)),
      }),
      handle: ({ params: { file } }, ctx) => {
        ctx.set('cache-control', 'public, max-age=3600');
        ctx.type = extname(file);
        if (file === 'start.js') return START;
        if (!FILES.includes(file)) throw new HttpProblem(404, `there is no file ${file}`);
        return createReadStream(join(FILES_FOLDER, file));
      },
    }),
  ];
}

/** The page, which is also served at the root. */
export function page(ctx: Context): string {
  ctx.type = 'text/html; charset=utf-8';
  ctx.set('cache-control', 'public, max-age=3600');
  return PAGE;
}
