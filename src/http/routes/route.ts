// A route of the API, declared once: its method, its path, what it takes, what it answers, the scope it needs and what it
// does. Everything that has to agree about a route is made from this: the router (mount.ts), the checks of what comes in,
// the OpenAPI document (openapi.ts), authorisation (each route names its scope), and the generated client.
import type { Context } from 'koa';
import { z } from 'zod';
import { jsonBody } from '../body.ts';
import { check, type ProblemStatus } from '../problem.ts';

export const API_PREFIX = '/api/v1';

/** What a token must be allowed; `null` in a route means that anyone may ask. */
export const SCOPES = ['read', 'readings:write', 'topology:write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export const TAGS = {
  counts: 'How many people: now, at an instant, after each event, per interval',
  readings: 'What sensors saw: send it, look it up',
  spaces: 'Spaces and their resets',
  doorways: 'Thresholds between spaces',
  dpus: 'Sensors, and where they were when',
  service: 'Whether it works, and what became of every reading',
} as const;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface HeaderDoc {
  readonly description: string;
  readonly type?: 'string' | 'integer';
}

/** What the route answers when all is well. */
export interface SuccessDoc {
  readonly status: 200 | 201 | 202 | 204;
  readonly description: string;
  /** Of the JSON body; a route without a body has none. */
  readonly schema?: z.ZodType;
  readonly example?: unknown;
  /** Other representations, by media type, each with an example. */
  readonly alternatives?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, HeaderDoc>>;
}

export interface RequestBodyDoc {
  readonly schema?: z.ZodType;
  readonly example: unknown;
}

export interface RouteDoc {
  readonly method: Method;
  /** As OpenAPI writes it: `/spaces/{id}`. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: keyof typeof TAGS;
  readonly summary: string;
  readonly description?: string;
  readonly scope: Scope | null;
  /** Request headers the handler looks at. */
  readonly requestHeaders?: Readonly<Record<string, HeaderDoc>>;
  /** Bodies that the handler reads from the socket itself, by media type. */
  readonly streamedBody?: Readonly<Record<string, RequestBodyDoc>>;
  readonly success: SuccessDoc;
  /** An answer with another status that is not a problem. */
  readonly alternativeStatus?: { readonly status: number; readonly description: string; readonly schema: z.ZodType };
  /** What else it answers, beyond what follows from its other fields. */
  readonly problems?: readonly ProblemStatus[];
  /** False for pages and files, which are not part of the API's description. */
  readonly isDocumented?: boolean;
}

export interface RouteInput<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

export interface RouteSpec<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> extends RouteDoc {
  readonly params?: Params;
  readonly query?: Query;
  /** Of a JSON body. */
  readonly body?: Body;
  readonly bodyExample?: unknown;
  /** @returns the JSON of the answer; `undefined` where it has none, or has been written to the context */
  readonly handle: (input: RouteInput<z.infer<Params>, z.infer<Query>, z.infer<Body>>, ctx: Context) => unknown;
}

export interface Route extends RouteDoc {
  readonly params: z.ZodType | undefined;
  readonly query: z.ZodType | undefined;
  readonly body: z.ZodType | undefined;
  readonly bodyExample: unknown;
  /** Checks what came in, and answers. @throws HttpProblem or Failure */
  readonly run: (ctx: Context, params: Readonly<Record<string, string>>) => Promise<void>;
}

const nothing = z.strictObject({});

export function defineRoute<
  Params extends z.ZodType = typeof nothing,
  Query extends z.ZodType = typeof nothing,
  Body extends z.ZodType = typeof nothing,
>(spec: RouteSpec<Params, Query, Body>): Route {
  const { params, query, body, bodyExample, handle, ...doc } = spec;
  const run = async (ctx: Context, given: Readonly<Record<string, string>>): Promise<void> => {
    const input = {
      params: check(params ?? nothing, given) as z.infer<Params>,
      query: check(query ?? nothing, ctx.query) as z.infer<Query>,
      body: (body ? check(body, await jsonBody(ctx)) : undefined) as z.infer<Body>,
    };
    const answer = await handle(input, ctx);
    if (spec.success.status !== 200) ctx.status = spec.success.status;
    if (answer !== undefined) ctx.body = answer;
  };
  return { ...doc, params, query, body, bodyExample, run };
}
