// Fuzzes a running service from its own OpenAPI document: calls its operations at random, with requests that are valid,
// at the limits, or hostile, and checks every answer against the document. The service is a separate process, which
// must still work afterwards.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addToken } from '../../src/http/auth/auth-tokens.ts';
import { startDensity, type DensityProcess } from '../support/density-process.ts';
import { pngOf } from '../support/images.ts';
import { eventually } from '../support/eventually.ts';
import { curlOf, rawLineOf } from './command-line.ts';
import { Api, type Document } from './document.ts';
import { Judge } from './judge.ts';
import { damaged } from './raw.ts';
import { IDS_KEPT, PARTS, requestOf, type FuzzRequest, type Tokens } from './request.ts';
import { Sender } from './send.ts';

const AT_ONCE = 16;
/** One of this many requests is sent as damaged bytes. */
const RAW_EVERY = 20;
const FAULTS_MAX = 20;
const SAID_EVERY = 10_000;
const WITHIN_MS = 120_000;
const REGISTERED = 15;
const LOG_CHARS = 20_000;

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  /** Send only the request with this number. */
  readonly only?: number;
  /** Called with every fault as it is found, and with the progress. */
  readonly printLine: (line: string) => void;
}

export interface FuzzReport {
  /** Each with the seed, and the request as a shell command. */
  readonly faults: readonly string[];
  readonly sent: number;
  readonly raw: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Operations that never succeeded. */
  readonly neverSucceeded: readonly string[];
  readonly seconds: number;
  readonly residentBytes: number;
}

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const folder = await mkdtemp(join(tmpdir(), 'density-fuzz-'));
  const file = join(folder, 'tokens.json');
  const tokens = {
    admin: await addToken(file, 'admin', ['admin'], undefined),
    reader: await addToken(file, 'reader', ['read'], undefined),
  };
  // The log shows internal errors.
  const service = startDensity(['run', '--json'], {
    PARTITIONS: '2',
    DENSITY_DATA_DIR: join(folder, 'data'),
    AUTH_TOKENS_FILE: file,
    RATE_LIMIT_PER_MINUTE: '0',
    CORS_ORIGINS: 'https://a.example',
    LOG_LEVEL: 'warn',
    // With the short block age of other tests, storing blocks would be most of the work.
    BLOCK_AGE_MAX_MS: '2000',
  });
  try {
    const [, line = ''] = await service.waitForOutput(/^(\{"url".*\})$/m);
    const { url } = JSON.parse(line) as { url: string };
    return await new Fuzzer(service, url, tokens, options).run();
  } finally {
    await service.end('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  }
}

class Fuzzer {
  readonly #service: DensityProcess;
  readonly #url: string;
  readonly #tokens: Tokens;
  readonly #options: FuzzOptions;
  readonly #sender: Sender;
  readonly #nowMs = Date.now();
  readonly #faults: string[] = [];
  readonly #byStatus: Record<string, number> = {};
  readonly #good = new Set<string>();
  #next = 0;
  #sent = 0;
  #raw = 0;

  constructor(service: DensityProcess, url: string, tokens: Tokens, options: FuzzOptions) {
    this.#service = service;
    this.#url = url;
    this.#tokens = tokens;
    this.#options = options;
    this.#sender = new Sender(url);
  }

  async run(): Promise<FuzzReport> {
    const api = new Api((await (await fetch(`${this.#url}/api/v1/openapi.json`)).json()) as Document);
    await this.#register();
    const startedAt = performance.now();
    const judge = new Judge(api);
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.#work(api, judge)));
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
    this.#sender.close();
    if (this.#options.only === undefined) {
      await this.#answersStill().catch((error: unknown) => {
        this.#found(
          `afterwards: ${String(error)}\n  seed ${this.#options.seed}; the end of its log:\n${this.#service.output().slice(-LOG_CHARS)}`,
        );
      });
    }
    return {
      faults: this.#faults,
      sent: this.#sent,
      raw: this.#raw,
      byStatus: this.#byStatus,
      seconds,
      neverSucceeded: api.operations.filter(({ id }) => !this.#good.has(id)).map(({ id }) => id),
      residentBytes: Number(
        /^process_resident_memory_bytes (\S+)$/m.exec(await (await fetch(`${this.#url}/metrics`)).text())?.[1],
      ),
    };
  }

  /** Creates objects for paths and filters: some that are in use, and others that may be deleted. */
  async #register(): Promise<void> {
    for (let n = 1; n <= REGISTERED; n += 1) {
      const inUse = n <= IDS_KEPT;
      await this.#must(
        'POST',
        '/spaces',
        { name: `space ${n}`, time_zone: 'Europe/Vienna', daily_reset: '04:00', capacity: 10 },
        201,
      );
      await this.#must(
        'POST',
        '/doorways',
        { name: `door ${n}`, ingress_space_id: inUse ? n : 1, egress_space_id: inUse && n > 1 ? n - 1 : null },
        201,
      );
      await this.#must('POST', '/dpus', { id: `d${n}`, doorway_id: inUse ? n : null }, 201);
      for (let part = 1; inUse && part <= PARTS; part += 1) {
        const [from, to] = [`2018-01-0${part}T10:00:00Z`, `2018-01-0${part}T11:00:00Z`];
        await this.#must('POST', `/spaces/${n}/resets`, { timestamp: from, count: part }, 201);
        await this.#must('POST', `/dpus/d${n}/exclusions`, { from, to, reason: `part ${part}` }, 201);
      }
      await this.#must('PUT', `/devices/${n}`, { adapter: 'xovis' }, 200);
      await this.#must('PUT', `/floor-plans/${n}`, { name: `floor ${n}` }, 200);
      if (inUse) await this.#uploadImage(n);
      await this.#must('POST', '/readings', { dpu_id: `d${n}`, timestamp: 1_519_461_921_893, direction: 1 }, 202);
    }
    await this.#pairDisplay();
    await eventually(() => this.#must('GET', '/readings/d1~1519461921893~+', undefined, 200), WITHIN_MS);
  }

  /** The service draws codes and ids of displays at random, so no generated request has one. */
  async #pairDisplay(): Promise<void> {
    const { code } = (await this.#must('POST', '/display/pairings', { space_id: 1 }, 200)) as { code: string };
    const { id } = (await this.#must('POST', '/displays', { code, name: 'screen' }, 200)) as { id: string };
    this.#good.add('confirmDisplay');
    await this.#must('DELETE', `/displays/${id}`, undefined, 204);
    this.#good.add('removeDisplay');
  }

  /** No generated body is an image. */
  async #uploadImage(n: number): Promise<void> {
    const { status } = await fetch(`${this.#url}/api/v1/floor-plans/${n}/image`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${this.#tokens.admin}`, 'content-type': 'image/png' },
      body: pngOf(4, 3),
    });
    if (status !== 200) throw new Error(`the upload of an image answers ${status}`);
    this.#good.add('putFloorPlanImage');
  }

  async #must(method: string, path: string, body: unknown, status: number): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#tokens.admin}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer: unknown = response.status === 204 ? undefined : await response.json();
    if (response.status !== status)
      throw new Error(`${method} ${path} answers ${response.status}: ${JSON.stringify(answer)}`);
    return answer;
  }

  async #work(api: Api, judge: Judge): Promise<void> {
    const { seed, requests, only, printLine } = this.#options;
    for (;;) {
      const number = only ?? this.#next;
      if (number >= requests || this.#faults.length >= FAULTS_MAX || (only !== undefined && this.#next > 0)) return;
      this.#next += 1;
      if (this.#next % SAID_EVERY === 0) printLine(`${this.#next} requests, ${this.#faults.length} faults`);
      const request = requestOf(api, this.#tokens, seed, number, this.#nowMs);
      await (number % RAW_EVERY === RAW_EVERY - 1 ? this.#sendRaw(request, judge) : this.#send(request, judge));
    }
  }

  async #send(request: FuzzRequest, judge: Judge): Promise<void> {
    const line = (): string => curlOf(this.#url, request);
    const answer = await this.#sender.send(request).catch((error: unknown) => {
      const why = this.#endedEarly();
      // An export can only be cut off if another request deletes its space: its status has been sent.
      const isDeleted = request.operation.id.startsWith('export') && why.includes('"kind":"not_found"');
      if (!isDeleted) this.#report(request, `no answer: ${String(error)}`, why, line());
    });
    if (!answer) return;
    this.#sent += 1;
    const { status, headers, body } = answer;
    this.#byStatus[status] = (this.#byStatus[status] ?? 0) + 1;
    if (String(status) === request.operation.success && request.method === request.operation.method)
      this.#good.add(request.operation.id);
    const fault = judge.faultOf(request, answer);
    if (fault !== undefined)
      this.#report(
        request,
        fault,
        `${status} ${body.slice(0, 1_000)}${status === 500 ? this.#logged(headers['x-request-id']) : ''}`,
        line(),
      );
  }

  async #sendRaw(request: FuzzRequest, judge: Judge): Promise<void> {
    const bytes = damaged(request, this.#options.seed);
    const line = (): string => rawLineOf(this.#url, bytes);
    const answer = await this.#sender
      .sendRaw(bytes)
      .catch((error: unknown) => void this.#report(request, `no answer: ${String(error)}`, '', line()));
    if (answer === undefined) return;
    this.#raw += 1;
    const fault = judge.faultOfRaw(answer);
    if (fault !== undefined) this.#report(request, fault, answer.slice(0, 1_000), line());
  }

  #report({ number, care, operation }: FuzzRequest, fault: string, answer: string, line: string): void {
    const { seed, requests } = this.#options;
    const again = `npm run fuzz -- --seed ${seed} --requests ${requests} --only ${number}`;
    this.#found(`${operation.id}, ${care}: ${fault}\n  answer: ${answer}\n  again: ${again}\n  or: ${line}`);
  }

  #found(fault: string): void {
    this.#faults.push(fault);
    this.#options.printLine(fault);
  }

  /** The entries about a request in the service's log, with the stack. */
  #logged(requestId: unknown): string {
    const lines = this.#linesWith(`"request":"${String(requestId)}"`);
    return lines.map((line) => `\n  log: ${line}`).join('');
  }

  /** Why the last export was cut off, of which no answer tells. */
  #endedEarly(): string {
    return this.#linesWith('an export ended early').at(-1) ?? '';
  }

  #linesWith(text: string): string[] {
    return this.#service
      .output()
      .split('\n')
      .filter((line) => line.includes(text));
  }

  /** Checks that a reading is counted, and that the account has no remainder. */
  async #answersStill(): Promise<void> {
    const { id } = (await this.#must('POST', '/spaces', { name: `afterwards ${this.#nowMs}` }, 201)) as { id: number };
    const doorway = (await this.#must(
      'POST',
      '/doorways',
      { name: `afterwards ${this.#nowMs}`, ingress_space_id: id },
      201,
    )) as { id: number };
    await this.#must('POST', '/dpus', { id: `afterwards-${this.#nowMs}`, doorway_id: doorway.id }, 201);
    await this.#must(
      'POST',
      '/readings',
      { dpu_id: `afterwards-${this.#nowMs}`, timestamp: Date.now(), direction: 1 },
      202,
    );
    await eventually(async () => {
      const { count } = (await this.#must('GET', `/counts/${id}/current`, undefined, 200)) as { count: number };
      const { remainder } = (await this.#must('GET', '/account', undefined, 200)) as { remainder: number };
      const { status } = (await this.#must('GET', '/health', undefined, 200)) as { status: string };
      if (count !== 1 || remainder !== 0 || status !== 'ok')
        throw new Error(`after the requests: count ${count}, remainder ${remainder}, health ${status}`);
    }, WITHIN_MS);
  }
}
