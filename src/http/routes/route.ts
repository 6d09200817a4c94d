// A route of the API is declared once: method, path, input, answer, scope and handler. The router (mount.ts), input
// validation, the OpenAPI document (openapi.ts), authorisation and the generated client are all derived from the
// declaration, so they cannot disagree.
import type { Context } from 'koa';
import { z } from 'zod';
import type { Scope } from '../auth/scope.ts';
import { jsonBody } from '../body.ts';
import { check, type ProblemStatus } from '../problem.ts';

export const API_PREFIX = '/api/v1';

export const TAGS = {
  counts: 'How many people: now, at an instant, after each event, and per interval',
  readings: 'Send readings, and look up stored ones',
  spaces: 'Spaces and their resets',
  doorways: 'The thresholds between spaces',
  dpus: 'Sensors and their placements',
  displays: 'Public displays of a count, and pairing them',
  'floor-plans': 'Images on which spaces and doorways are drawn',
  topology: 'Spaces, doorways and sensors together, as a document',
  service: 'Health of the service, and the account of all readings',
} as const;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface HeaderDoc {
  readonly description: string;
  readonly type?: 'string' | 'integer';
}

/** The answer of a successful request. */
export interface SuccessDoc {
  readonly status: 200 | 201 | 202 | 204;
  readonly description: string;
  /** Schema of the JSON body; omitted if there is no body. */
  readonly schema?: z.ZodType;
  readonly example?: unknown;
  /** An example of each other representation, by media type. */
  readonly alternatives?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, HeaderDoc>>;
}

export interface RequestBodyDoc {
  readonly schema?: z.ZodType;
  readonly example: unknown;
}

export interface RouteDoc {
  readonly method: Method;
  /** In OpenAPI syntax: `/spaces/{id}`. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: keyof typeof TAGS;
  readonly summary: string;
  readonly description?: string;
  readonly scope: Scope | null;
  /** True where the secret of a device does in place of a token; `handle` checks that the request is about that device. */
  readonly takesDeviceSecret?: boolean;
  /** True where the cookie of a display that is paired with the space of the path does in place of a token. */
  readonly takesDisplay?: boolean;
  /** Request headers that the handler reads. */
  readonly requestHeaders?: Readonly<Record<string, HeaderDoc>>;
  /** Bodies that the handler reads as a stream, by media type. */
  readonly streamedBody?: Readonly<Record<string, RequestBodyDoc>>;
  readonly success: SuccessDoc;
  /** An answer with another status that is not a problem document. */
  readonly alternativeStatus?: {
    readonly status: number;
    readonly description: string;
    readonly schema: z.ZodType;
    readonly example?: unknown;
  };
  /** Statuses of problems that do not follow from the other fields. */
  readonly problems?: readonly ProblemStatus[];
  /** False for pages and files, which the OpenAPI document leaves out. */
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
  /** Schema of a JSON body. */
  readonly body?: Body;
  readonly bodyExample?: unknown;
  /** @returns the body of the answer; undefined if there is none, or if the handler has written it to the context */
  readonly handle: (input: RouteInput<z.infer<Params>, z.infer<Query>, z.infer<Body>>, ctx: Context) => unknown;
}

export interface Route extends RouteDoc {
  readonly params: z.ZodType | undefined;
  readonly query: z.ZodType | undefined;
  readonly body: z.ZodType | undefined;
  readonly bodyExample: unknown;
  /** Validates the input and answers. @throws HttpProblem or Failure */
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
    // Before the handler, which may answer with the alternative status.
    if (spec.success.status !== 200) ctx.status = spec.success.status;
    const answer = await handle(input, ctx);
    if (answer !== undefined) ctx.body = answer;
  };
  return { ...doc, params, query, body, bodyExample, run };
}
