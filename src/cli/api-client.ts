// The client of the commands: sends DENSITY_TOKEN, and fails with the detail of the API's problem document.
import type { Config } from '../config.ts';
import { LIMIT_MAX } from '../http/paging.ts';

export interface ApiOptions {
  /** URL of the service, without /api/v1. */
  readonly url?: string;
}

/** One error in the data that was sent. */
export interface ApiErrorDetail {
  readonly path: string;
  readonly detail: string;
  readonly line?: number;
}

/** The API answered with an error, or did not answer. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number | undefined;
  readonly errors: readonly ApiErrorDetail[];

  constructor(message: string, status: number | undefined, cause?: unknown, errors: readonly ApiErrorDetail[] = []) {
    super(message, cause === undefined ? {} : { cause });
    this.status = status;
    this.errors = errors;
  }
}

const HINTS: Readonly<Record<number, string>> = {
  401: ' (set DENSITY_TOKEN to a token of the service)',
  403: ' (the token in DENSITY_TOKEN lacks the scope)',
};

export class ApiClient {
  readonly base: string;
  readonly #token: string | undefined;

  constructor(config: Config, { url }: ApiOptions) {
    const host = config.HOST === '0.0.0.0' || config.HOST === '::' ? '127.0.0.1' : config.HOST;
    this.base = (url ?? `http://${host.includes(':') ? `[${host}]` : host}:${config.PORT}`).replace(/\/+$/, '');
    this.#token = config.DENSITY_TOKEN;
  }

  /** @throws ApiError unless the status is 2xx */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#token !== undefined) headers.set('authorization', `Bearer ${this.#token}`);
    let response: Response;
    try {
      response = await fetch(`${this.base}/api/v1${path}`, { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiError(`the service does not answer at ${this.base}`, undefined, error);
    }
    if (response.ok) return response;
    const { detail, errors } = await problemIn(response);
    throw new ApiError(`${detail}${HINTS[response.status] ?? ''}`, response.status, undefined, errors);
  }

  async get<T>(path: string): Promise<T> {
    return (await (await this.fetch(path)).json()) as T;
  }

  async send<T>(method: string, path: string, body: object): Promise<T> {
    const response = await this.fetch(path, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return (await response.json()) as T;
  }

  /** Reads all pages of a list. */
  async list<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    for (;;) {
      const page = await this.get<T[]>(`${path}?limit=${LIMIT_MAX}&offset=${items.length}`);
      items.push(...page);
      if (page.length < LIMIT_MAX) return items;
    }
  }
}

async function problemIn(response: Response): Promise<{ detail: string; errors?: readonly ApiErrorDetail[] }> {
  const text = await response.text();
  try {
    const { detail, errors } = JSON.parse(text) as { detail?: unknown; errors?: readonly ApiErrorDetail[] };
    if (typeof detail === 'string') return { detail, ...(errors ? { errors } : {}) };
  } catch {
    // Not a problem document, so the answer came from something other than this service.
  }
  return { detail: `the API answered ${response.status} ${response.statusText}` };
}
