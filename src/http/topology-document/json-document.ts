// A topology document as JSON, parsed as it arrives: only the entries are kept. The parser reports where each one
// begins, from which its line is computed.
import type { Readable } from 'node:stream';
import { Tokenizer, TokenParser, TokenType } from '@streamparser/json';
import { HttpProblem } from '../problem.ts';
import { MACHINE_TIMING, TURN_MS, yieldEvery } from '../../runtime/timing.ts';
import type { DocumentBuilder } from './document-builder.ts';

const LISTS = ['spaces', 'doorways', 'dpus', 'exclusions', 'devices'];
const NEWLINE = 10;
/** Depths of brackets: within the document, a list, an entry. */
const [IN_DOCUMENT, IN_LIST, IN_ENTRY] = [1, 2, 3];

/**
 * @throws HttpProblem 400 if it is not JSON, 413 beyond the limits, 422 if it is not an object
 */
export async function readJsonDocument(body: Readable, builder: DocumentBuilder): Promise<void> {
  const reader = new JsonDocument(builder);
  // Live counts and leases do not wait for a large document.
  const yieldTurn = yieldEvery(MACHINE_TIMING, TURN_MS);
  for await (const chunk of body as AsyncIterable<Buffer>) {
    reader.write(chunk);
    await yieldTurn();
  }
  reader.end();
}

class JsonDocument {
  readonly #builder: DocumentBuilder;
  readonly #tokenizer = new Tokenizer();
  readonly #parser = new TokenParser({ paths: ['$.*.*'], keepStack: true });
  readonly #lines = new LineCounter();
  #depth = 0;
  #isKeyNext = false;
  #entryLine = 1;
  /** Lines of the objects within the entry. */
  #innerLines: number[] = [];
  #failure: Error | undefined;

  constructor(builder: DocumentBuilder) {
    this.#builder = builder;
    this.#tokenizer.onToken = (token) => {
      this.#follow(token.token, token.value, token.offset);
      this.#parser.write(token);
    };
    this.#parser.onValue = ({ key, value, stack }) => this.#add(stack[1]?.key, key, value);
    this.#tokenizer.onError = this.#parser.onError = (error) => (this.#failure ??= error);
  }

  write(chunk: Buffer): void {
    this.#lines.add(chunk);
    this.#tokenizer.write(chunk);
    this.#stopAtFailure();
  }

  end(): void {
    if (!this.#parser.isEnded && !this.#tokenizer.isEnded) this.#tokenizer.end();
    this.#stopAtFailure();
    if (!this.#parser.isEnded)
      throw new HttpProblem(400, `the body ends in the middle of the JSON, on line ${this.#lines.last}`);
  }

  #stopAtFailure(): void {
    if (!this.#failure) return;
    if (this.#failure instanceof HttpProblem) throw this.#failure;
    throw new HttpProblem(400, `the body is not JSON, after line ${this.#lines.last}: ${this.#failure.message}`);
  }

  #follow(token: TokenType, value: unknown, offset: number): void {
    const line = this.#lines.at(offset);
    if (this.#depth === 0 && token !== TokenType.LEFT_BRACE) throw new HttpProblem(422, 'the body must be an object');
    if (token === TokenType.LEFT_BRACE || token === TokenType.LEFT_BRACKET) {
      this.#depth += 1;
      if (this.#depth === IN_LIST && token === TokenType.LEFT_BRACE)
        this.#builder.fail({ line, at: '' }, '', `must be an array of entries`);
      if (this.#depth === IN_ENTRY) [this.#entryLine, this.#innerLines] = [line, []];
      else if (this.#depth > IN_ENTRY && token === TokenType.LEFT_BRACE) this.#innerLines.push(line);
    } else if (token === TokenType.RIGHT_BRACE || token === TokenType.RIGHT_BRACKET) this.#depth -= 1;
    else if (this.#depth === IN_DOCUMENT) this.#followDocument(token, value, line);
    else if (this.#depth === IN_LIST && token !== TokenType.COMMA) this.#entryLine = line;
    this.#isKeyNext = this.#depth === IN_DOCUMENT && (token === TokenType.LEFT_BRACE || token === TokenType.COMMA);
  }

  #followDocument(token: TokenType, value: unknown, line: number): void {
    if (token === TokenType.COMMA || token === TokenType.COLON) return;
    if (!this.#isKeyNext) this.#builder.fail({ line, at: '' }, '', 'must be an array of entries');
    else if (!LISTS.includes(String(value)))
      this.#builder.fail({ line, at: '' }, String(value), `is not a known field; there are ${LISTS.join(', ')}`);
  }

  #add(list: unknown, index: unknown, value: unknown): void {
    if (typeof index !== 'number') return;
    const place = { line: this.#entryLine, at: `${String(list)}.${index}` };
    if (list === 'spaces') this.#builder.space(place, value);
    else if (list === 'doorways') this.#builder.doorway(place, value);
    else if (list === 'exclusions') this.#builder.exclusion(place, value);
    else if (list === 'devices') this.#builder.device(place, value);
    else if (list === 'dpus') {
      const placements = this.#innerLines.map((line, n) => ({ line, at: `${place.at}.placements.${n}` }));
      this.#builder.dpu(place, value, placements);
    }
  }
}

/** Converts ascending byte offsets to line numbers. A chunk has to be added before offsets in it are converted. */
class LineCounter {
  #chunk: Buffer = Buffer.alloc(0);
  #chunkFrom = 0;
  /** The newline after the last line within the chunk; -1 if there is none. */
  #newline = -1;
  last = 1;

  add(chunk: Buffer): void {
    this.at(this.#chunkFrom + this.#chunk.length);
    this.#chunkFrom += this.#chunk.length;
    this.#chunk = chunk;
    this.#newline = chunk.indexOf(NEWLINE);
  }

  at(offset: number): number {
    while (this.#newline >= 0 && this.#chunkFrom + this.#newline < offset) {
      this.last += 1;
      this.#newline = this.#chunk.indexOf(NEWLINE, this.#newline + 1);
    }
    return this.last;
  }
}
