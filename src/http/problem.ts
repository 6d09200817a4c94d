// Errors as RFC 9457 problem details. Only this file maps a failure to an HTTP status.
import type { z } from 'zod';
import type { Failure, FailureKind } from '../domain/failure.ts';

export type ProblemStatus =
  400 | 401 | 403 | 404 | 405 | 406 | 408 | 409 | 412 | 413 | 415 | 417 | 422 | 429 | 431 | 500 | 501 | 503;

/** Problem types are URNs, `urn:density:problem:<slug>`: there is no page to fetch. */
export const PROBLEMS: Readonly<Record<ProblemStatus, { readonly slug: string; readonly title: string }>> = {
  400: { slug: 'malformed', title: 'Malformed request' },
  401: { slug: 'unauthenticated', title: 'Authentication needed' },
  403: { slug: 'forbidden', title: 'Not allowed' },
  404: { slug: 'not-found', title: 'Not found' },
  405: { slug: 'method-not-allowed', title: 'Method not allowed' },
  406: { slug: 'not-acceptable', title: 'Not acceptable' },
  408: { slug: 'timeout', title: 'Request took too long' },
  409: { slug: 'conflict', title: 'Conflict' },
  412: { slug: 'changed', title: 'Changed meanwhile' },
  413: { slug: 'too-large', title: 'Body too large' },
  415: { slug: 'unsupported-media-type', title: 'Unsupported media type' },
  417: { slug: 'expectation-failed', title: 'Expectation not met' },
  422: { slug: 'invalid', title: 'Validation failed' },
  429: { slug: 'too-many-requests', title: 'Too many requests' },
  431: { slug: 'headers-too-large', title: 'Headers too large' },
  500: { slug: 'internal', title: 'Internal error' },
  501: { slug: 'not-implemented', title: 'Not implemented' },
  503: { slug: 'unavailable', title: 'Not available now' },
};

const STATUS: Readonly<Record<FailureKind, ProblemStatus>> = {
  not_found: 404,
  invalid: 422,
  conflict: 409,
  changed: 412,
  unavailable: 503,
};

export interface FieldError {
  /** The field as named by the client; nested fields are joined by dots. */
  readonly path: string;
  readonly detail: string;
  /** Offset of the error in the field's text, from 0. */
  readonly position?: number;
  /** Line of an imported document, from 1. */
  readonly line?: number;
}

/** An error that the HTTP layer detects itself. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly status: ProblemStatus;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ProblemStatus,
    detail: string,
    errors: readonly FieldError[] = [],
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.status = status;
    this.errors = errors;
    this.headers = headers;
  }
}

/** Details about readings already begin with the field, because dead letters contain the detail alone. */
function withField(path: string, detail: string): string {
  return path === '' || detail.startsWith(`${path} `) ? detail : `${path}: ${detail}`;
}

/** The problem for one invalid field. */
export function invalid(path: string, detail: string, position?: number): HttpProblem {
  return new HttpProblem(422, withField(path, detail), [
    position === undefined ? { path, detail } : { path, detail, position },
  ]);
}

/** Tells the client when to try again. */
export function tooMany(detail: string, waitMs: number): HttpProblem {
  return new HttpProblem(429, detail, [], { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1_000))) });
}

/** Validates input. @throws HttpProblem 422 that names every invalid field */
export function check<Schema extends z.ZodType>(schema: Schema, data: unknown): z.infer<Schema> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const errors = fieldErrors(result.error);
  throw new HttpProblem(422, errors.map(({ path, detail }) => withField(path, detail)).join('; '), errors);
}

/** Every invalid field. */
export function fieldErrors({ issues }: z.ZodError): FieldError[] {
  return issues.flatMap((issue): FieldError[] => {
    const at = issue.path.join('.');
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ path: at === '' ? key : `${at}.${key}`, detail: 'is not a known field' }));
    const position: unknown = issue.code === 'custom' ? issue.params?.['position'] : undefined;
    return [{ path: at, detail: issue.message, ...(typeof position === 'number' ? { position } : {}) }];
  });
}

/** A failure of the domain as a problem. */
export function problemOf(failure: Failure): { status: ProblemStatus; detail: string; errors: readonly FieldError[] } {
  const { kind, field, message } = failure;
  return {
    status: STATUS[kind],
    detail: kind === 'invalid' ? withField(field, message) : message,
    errors: field === '' ? [] : [{ path: field, detail: message }],
  };
}

export const PROBLEM_TYPE = 'application/problem+json';

/**
 * @param about `instance` is the requested path; omit it if the request could not be parsed
 */
export function problemText(
  status: ProblemStatus,
  detail: string,
  about: { instance?: string; requestId: string; errors?: readonly FieldError[] },
): string {
  const { slug, title } = PROBLEMS[status];
  const { instance, requestId, errors = [] } = about;
  return JSON.stringify({
    type: `urn:density:problem:${slug}`,
    title,
    status,
    detail,
    instance,
    request_id: requestId,
    ...(errors.length > 0 ? { errors } : {}),
  });
}
