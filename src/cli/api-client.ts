// The API as the commands ask it: with the token of DENSITY_TOKEN, and errors that say what the API said.
import type { Config } from '../config.ts';

export interface ApiOptions {
  /** Root of the service, without /api/v1. */
  readonly url?: string;
}

/** The API said no, or did not answer. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.status = status;
  }
}

const PAGE = 1_000;
const HINTS: Readonly<Record<number, string>> = {
  401: ' (DENSITY_TOKEN must be a token of the service)',
  403: ' (DENSITY_TOKEN is not allowed this)',
};

export class ApiClient {
  readonly base: string;
  readonly #token: string | undefined;

  constructor(config: Config, { url }: ApiOptions) {
    const host = config.HOST === '0.0.0.0' || config.HOST === '::' ? '127.0.0.1' : config.HOST;
    this.base = (url ?? `http://${host.includes(':') ? `[${host}]` : host}:${config.PORT}`).replace(/\/+$/, '');
    this.#token = config.DENSITY_TOKEN;
  }

  /** The answer to a request. @throws ApiError unless it is a 2xx */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#token !== undefined) headers.set('authorization', `Bearer ${this.#token}`);
    let response: Response;
    try {
      response = await fetch(`${this.base}/api/v1${path}`, { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiError(`no density-api answers at ${this.base}`, undefined, error);
    }
    if (response.ok) return response;
    throw new ApiError(`${await detailOf(response)}${HINTS[response.status] ?? ''}`, response.status);
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

  /** All of a list, page by page. */
  async list<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    for (;;) {
      const page = await this.get<T[]>(`${path}?limit=${PAGE}&offset=${items.length}`);
      items.push(...page);
      if (page.length < PAGE) return items;
    }
  }
}

async function detailOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    if (typeof detail === 'string') return detail;
  } catch {
    // Something else than this service answers there: then its status has to do.
  }
  return `the API answers ${response.status} ${response.statusText}`;
}
