// Generates the OpenAPI 3.1 document from the table of routes and the schemas that validate requests.
import { z } from 'zod';
import { PROBLEM_TYPE, PROBLEMS, type ProblemStatus } from './problem.ts';
import { API_PREFIX, TAGS, type HeaderDoc, type Route } from './routes/route.ts';
import { BODIES } from './schemas/bodies.ts';
import { RESOURCES } from './schemas/resources.ts';

type Json = Record<string, unknown>;

const ref = (id: string): string => `#/components/schemas/${id}`;

export function openApiDocument(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  const documented = routes.filter(({ isDocumented }) => isDocumented !== false);
  for (const route of documented) {
    const path = (paths[route.path] ??= {});
    path[route.method.toLowerCase()] = operation(route);
  }
  const used = JSON.stringify(paths);
  const problems = Object.entries(PROBLEMS).filter(([status]) =>
    used.includes(`#/components/responses/${problemName(status)}"`),
  );
  return {
    openapi: '3.1.0',
    info: {
      title: 'density-api',
      version,
      description:
        'Turns doorway sensor readings into people counts: live, at any past instant, and aggregated. Every answer says whether it is final.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: API_PREFIX }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: Object.fromEntries(
        Object.entries({ ...schemasOf(RESOURCES, 'output'), ...schemasOf(BODIES, 'input') }).filter(
          ([id]) => id === 'Problem' || used.includes(`"${ref(id)}"`),
        ),
      ),
      responses: Object.fromEntries(
        problems.map(([status, { slug, title }]) => [
          problemName(status),
          problemResponse(Number(status), slug, title),
        ]),
      ),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description:
            'A token issued by `density token`, or a JWT of the configured issuer. Not needed if the service listens on loopback only.',
        },
        device: {
          type: 'http',
          scheme: 'basic',
          description:
            'The secret of a device as the password, and its id as the user name. The secret may also be sent as a bearer token, with the device in the URL.',
        },
      },
    },
  };
}

function operation(route: Route): Json {
  const { operationId, tag, summary, description, scope, takesDeviceSecret, success, alternativeStatus } = route;
  const parameters = [
    ...parametersOf(route.params, 'path'),
    ...parametersOf(route.query, 'query'),
    ...headerParameters(route.requestHeaders ?? {}),
  ];
  const body = requestBody(route);
  const responses: Json = { [success.status]: successResponse(route) };
  if (route.requestHeaders && 'if-none-match' in route.requestHeaders)
    responses['304'] = { description: 'not modified: the client has the current answer' };
  if (alternativeStatus)
    responses[alternativeStatus.status] = {
      description: alternativeStatus.description,
      content: {
        'application/json': {
          schema: schemaOf(alternativeStatus.schema, 'output'),
          ...(alternativeStatus.example === undefined ? {} : { example: alternativeStatus.example }),
        },
      },
    };
  for (const status of problemsOf(route)) {
    responses[status] =
      status === alternativeStatus?.status
        ? withProblem(responses[status] as Response)
        : { $ref: `#/components/responses/${problemName(status)}` };
  }
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    'x-scope': scope,
    security: scope === null ? [] : [{ bearer: [] }, ...(takesDeviceSecret ? [{ device: [] }] : [])],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: body } : {}),
    responses,
  };
}

/**
 * Any route may answer with these: to malformed, slow or oversized requests, unknown parameters, defects, and while
 * the service starts.
 */
const ALWAYS: readonly ProblemStatus[] = [400, 408, 417, 422, 431, 500, 503];

/** The statuses that follow from the fields of a route, and those that the route declares. */
function problemsOf(route: Route): ProblemStatus[] {
  const found = new Set<ProblemStatus>([...ALWAYS, ...(route.problems ?? [])]);
  const hasBody = route.body !== undefined || route.streamedBody !== undefined;
  if (hasBody) for (const status of [413, 415] as const) found.add(status);
  if (route.scope !== null) for (const status of [401, 403, 429] as const) found.add(status);
  return [...found].sort((a, b) => a - b);
}

function successResponse({ success: { description, schema, example, alternatives, headers } }: Route): Json {
  const content: Json = {};
  if (schema)
    content['application/json'] = { schema: schemaOf(schema, 'output'), ...(example === undefined ? {} : { example }) };
  for (const [type, text] of Object.entries(alternatives ?? {}))
    content[type] = { schema: { type: 'string' }, example: text };
  return {
    description,
    ...(headers
      ? { headers: Object.fromEntries(Object.entries(headers).map(([name, doc]) => [name, headerOf(doc)])) }
      : {}),
    ...(Object.keys(content).length > 0 ? { content } : {}),
  };
}

function requestBody(route: Route): Json | undefined {
  const { body, bodyExample, streamedBody } = route;
  if (body)
    return {
      required: true,
      content: { 'application/json': { schema: schemaOf(body, 'input'), example: bodyExample } },
    };
  if (!streamedBody) return undefined;
  const content = Object.entries(streamedBody).map(([type, { schema, example }]) => [
    type,
    { schema: schema ? schemaOf(schema, 'input') : { type: 'string' }, example },
  ]);
  return { required: true, content: Object.fromEntries(content) as Json };
}

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query'): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' }) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

function headerParameters(headers: Readonly<Record<string, HeaderDoc>>): Json[] {
  return Object.entries(headers).map(([name, doc]) => ({ name, in: 'header', required: false, ...headerOf(doc) }));
}

function headerOf({ description, type = 'string' }: HeaderDoc): Json {
  return { description, schema: { type } };
}

function problemName(status: number | string): string {
  const { slug } = PROBLEMS[Number(status) as ProblemStatus];
  return slug
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

interface Response {
  readonly description: string;
  readonly content: Json;
}

/** For a status that a successful answer and a problem document may both have. */
function withProblem({ description, content }: Response): Response {
  return { description, content: { ...content, [PROBLEM_TYPE]: { schema: { $ref: ref('Problem') } } } };
}

function problemResponse(status: number, slug: string, title: string): Json {
  const errors =
    status === 422 ? [{ path: 'timestamp', detail: 'must be an ISO 8601 instant with an offset' }] : undefined;
  const example = {
    type: `urn:density:problem:${slug}`,
    title,
    status,
    detail: errors ? 'timestamp: must be an ISO 8601 instant with an offset' : title.toLowerCase(),
    instance: `${API_PREFIX}/readings`,
    request_id: 'PKJ0T3ZC5M5PDAJ9QX0G2L',
    ...(errors ? { errors } : {}),
  };
  return { description: title, content: { [PROBLEM_TYPE]: { schema: { $ref: ref('Problem') }, example } } };
}

/** A reference if the schema is registered under a name, otherwise the schema itself. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const named = (io === 'output' ? RESOURCES : BODIES).get(schema)?.id;
  if (named !== undefined) return { $ref: ref(named) };
  if (schema instanceof z.ZodArray) return { type: 'array', items: schemaOf(schema.element as z.ZodType, io) };
  if (schema instanceof z.ZodUnion) return { anyOf: schema.options.map((option) => schemaOf(option as z.ZodType, io)) };
  return withoutDialect(z.toJSONSchema(schema, { io }));
}

/** By name: the registry has them in the order in which modules happened to be loaded. */
function schemasOf(registry: typeof RESOURCES, io: 'input' | 'output'): Json {
  const { schemas } = z.toJSONSchema(registry, { io, uri: ref });
  const ids = Object.keys(schemas).sort();
  return Object.fromEntries(ids.map((id) => [id, withoutDialect(schemas[id] as Json)]));
}

function withoutDialect({ $schema, $id, ...rest }: Json): Json {
  void $schema;
  void $id;
  return rest;
}
