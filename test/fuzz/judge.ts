// Checks answers against the document: no 500, no undeclared status or content type, and bodies that match their
// schemas.
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Api, Schema } from './document.ts';
import type { FuzzRequest } from './request.ts';
import type { Answer } from './send.ts';

const PROBLEM = 'application/problem+json';
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;
/** For paths and methods that the document does not have. */
const ELSEWHERE = [400, 404, 405, 408, 417, 431, 501];

export class Judge {
  readonly #api: Api;
  readonly #ajv: Ajv2020;
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(api: Api) {
    this.#api = api;
    this.#ajv = new Ajv2020({
      strict: false,
      formats: {
        'date-time': (text: string) => RFC_3339.test(text) && !Number.isNaN(Date.parse(text)),
        uri: (text: string) => URL.canParse(text),
      },
    });
    this.#ajv.addSchema(api.document, 'api');
  }

  /** @returns what is wrong with the answer; undefined if nothing */
  faultOf({ method, path }: FuzzRequest, { status, headers, body }: Answer): string | undefined {
    if (status === 500) return 'it is a 500';
    const pathname = path.replace(/\?.*$/s, '');
    const operation = this.#api.operationAt(method, pathname);
    if (headers['x-request-id'] === undefined) return 'it has no x-request-id';
    if (!operation) {
      // Every path answers OPTIONS; the document omits it, and also the pages of /docs.
      if (method === 'OPTIONS' || pathname.includes('/docs')) return undefined;
      return ELSEWHERE.includes(status)
        ? this.#faultOfProblem(method, status, headers['content-type'], body)
        : `no operation is at ${pathname}, and it is ${status}`;
    }
    const declared = operation.response(status);
    if (!declared) return `${operation.id} declares no ${status}`;
    const type = headers['content-type']?.split(';')[0];
    if (method === 'HEAD') return body === '' ? undefined : 'HEAD has a body';
    if (!declared.content) return body === '' ? undefined : `${operation.id} declares no body for ${status}`;
    const media = type === undefined ? undefined : declared.content[type];
    if (!media) return `${operation.id} declares no ${type} for ${status}`;
    for (const [name, { schema }] of Object.entries(declared.headers ?? {})) {
      const value = headers[name];
      if (schema.type === 'integer' && value !== undefined && !/^\d+$/.test(String(value)))
        return `the header ${name} is no whole number: ${String(value)}`;
    }
    if (type === PROBLEM) return this.#faultOfProblem(method, status, type, body);
    return type?.endsWith('json') ? this.#faultOfJson(media.schema, body) : undefined;
  }

  /** Judges the answer to bytes that may not be a request. */
  faultOfRaw(answer: string): string | undefined {
    // An incomplete request may be dropped.
    if (answer === '') return undefined;
    const heads = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)];
    if (!answer.startsWith('HTTP/1.1 ')) return 'it is not HTTP';
    if (heads.some(([, status]) => status === '500')) return 'it is a 500';
    const [head = '', ...rest] = answer.split('\r\n\r\n');
    const status = Number(heads[0]?.[1]);
    const type = /^content-type: *([^;\r]*)/im.exec(head)?.[1];
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? NaN);
    if (status < 400) return undefined;
    if (type !== PROBLEM && !(status === 503 && type === 'application/json'))
      return `it is ${status} with ${type ?? 'no content type'}`;
    const body = Buffer.from(rest.join('\r\n\r\n').slice(0, length), 'latin1').toString('utf8');
    // HEAD has no body.
    return body === '' || Number.isNaN(length) || type !== PROBLEM
      ? undefined
      : this.#faultOfProblem('', status, type, body);
  }

  #faultOfProblem(method: string, status: number, type: string | undefined, body: string): string | undefined {
    if (type !== PROBLEM) return `it is ${status} with ${type ?? 'no content type'}`;
    if (method === 'HEAD') return body === '' ? undefined : 'HEAD has a body';
    const fault = this.#faultOfJson({ $ref: '#/components/schemas/Problem' }, body);
    if (fault !== undefined) return fault;
    const declared = (JSON.parse(body) as { status: number }).status;
    return declared === status ? undefined : `its problem document has status ${declared}`;
  }

  #faultOfJson(schema: Schema, body: string): string | undefined {
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      return 'its body is not JSON';
    }
    const isValid = this.#validator(JSON.stringify(schema).replaceAll('"#/', '"api#/'));
    return isValid(value) === true ? undefined : this.#ajv.errorsText(isValid.errors);
  }

  #validator(schema: string): ValidateFunction {
    let validator = this.#validators.get(schema);
    if (!validator) this.#validators.set(schema, (validator = this.#ajv.compile(JSON.parse(schema) as object)));
    return validator;
  }
}
