// Parses a filter such as `timestamp > '2018-02-25' and not (direction = 1 or dpu_id in ('283', '423'))` with chevrotain. The result
// contains only known fields with values of their types, and none of the text.
import {
  EmbeddedActionsParser,
  EOF,
  Lexer,
  type IParserErrorMessageProvider,
  type IToken,
  type TokenType,
} from 'chevrotain';
import { parseInstant } from '../../domain/instant.ts';
import type { Comparator, Expression, FieldType, FieldTypes, Value } from '../../domain/filter.ts';
import {
  And,
  Close,
  Comma,
  Compare,
  Identifier,
  In,
  Is,
  Not,
  Null,
  NumberLiteral,
  Open,
  Or,
  TextLiteral,
  TOKENS,
} from './tokens.ts';

const LENGTH_MAX = 2_000;
/** Bounds the recursion over nested parentheses and `not`. */
const DEPTH_MAX = 50;

export class FilterError extends Error {
  override readonly name = 'FilterError';
  /** Offset in the text, from 0. */
  readonly position: number;

  constructor(position: number, message: string) {
    super(`at position ${position}: ${message}`);
    this.position = position;
  }
}

interface Literal {
  readonly token: IToken;
  readonly value: string | number | null;
}

type Untyped =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Untyped[] }
  | { readonly kind: 'not'; readonly term: Untyped }
  | { readonly kind: 'compare'; readonly field: IToken; readonly comparator: IToken; readonly literal: Literal }
  | { readonly kind: 'in'; readonly field: IToken; readonly literals: readonly Literal[] };

const found = (token: IToken): string => (token.tokenType === EOF ? 'the end of the filter' : `found ${token.image}`);
const label = (type: TokenType): string => type.LABEL ?? type.name;

/**
 * @param paths tokens that may come next, each with the tokens that may follow it
 */
function oneOf(paths: readonly (readonly TokenType[])[], actual: readonly IToken[]): string {
  const first = new Set(paths.flatMap(([type]) => (type ? [label(type)] : [])));
  return `expected ${[...first].join(' or ')}, but ${found(actual[0] as IToken)}`;
}

const messages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected, actual }) => `expected ${label(expected)}, but ${found(actual)}`,
  buildNotAllInputParsedMessage: ({ firstRedundant }) =>
    `expected and, or, or the end of the filter, but ${found(firstRedundant)}`,
  buildNoViableAltMessage: ({ expectedPathsPerAlt, actual }) => oneOf(expectedPathsPerAlt.flat(), actual),
  buildEarlyExitMessage: ({ expectedIterationPaths, actual }) => oneOf(expectedIterationPaths, actual),
};

const lexer = new Lexer(TOKENS, { positionTracking: 'onlyOffset' });

class FilterParser extends EmbeddedActionsParser {
  constructor() {
    super(TOKENS, { errorMessageProvider: messages, maxLookahead: 2 });
    this.performSelfAnalysis();
  }

  readonly filter = this.RULE('filter', (): Untyped => {
    const terms: Untyped[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: Or, DEF: () => void terms.push(this.SUBRULE(this.conjunction)) });
    return joined('or', terms);
  });

  readonly conjunction = this.RULE('conjunction', (): Untyped => {
    const terms: Untyped[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: And, DEF: () => void terms.push(this.SUBRULE(this.term)) });
    return joined('and', terms);
  });

  readonly term = this.RULE('term', (): Untyped =>
    this.OR([
      {
        ALT: (): Untyped => {
          this.CONSUME(Not);
          return { kind: 'not', term: this.SUBRULE(this.term) };
        },
      },
      {
        ALT: (): Untyped => {
          this.CONSUME(Open);
          const inner = this.SUBRULE(this.filter);
          this.CONSUME(Close);
          return inner;
        },
      },
      { ALT: (): Untyped => this.SUBRULE(this.comparison) },
    ]),
  );

  readonly comparison = this.RULE('comparison', (): Untyped => {
    const field = this.CONSUME(Identifier);
    return this.OR([
      {
        ALT: (): Untyped => ({
          kind: 'compare',
          field,
          comparator: this.CONSUME(Compare),
          literal: this.SUBRULE(this.literal),
        }),
      },
      { ALT: (): Untyped => this.SUBRULE(this.membership, { ARGS: [field] }) },
      {
        ALT: (): Untyped => {
          this.CONSUME(Not);
          return { kind: 'not', term: this.SUBRULE2(this.membership, { ARGS: [field] }) };
        },
      },
      { ALT: (): Untyped => this.SUBRULE(this.nullness, { ARGS: [field] }) },
    ]);
  });

  readonly membership = this.RULE('membership', (field: IToken): Untyped => {
    const literals: Literal[] = [];
    this.CONSUME(In);
    this.CONSUME(Open);
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => void literals.push(this.SUBRULE(this.literal)) });
    this.CONSUME(Close);
    return { kind: 'in', field, literals };
  });

  readonly nullness = this.RULE('nullness', (field: IToken): Untyped => {
    this.CONSUME(Is);
    const negation = this.OPTION(() => this.CONSUME(Not));
    const isNull: Untyped = { kind: 'in', field, literals: [{ token: this.CONSUME(Null), value: null }] };
    return negation ? { kind: 'not', term: isNull } : isNull;
  });

  readonly literal = this.RULE('literal', (): Literal =>
    this.OR([
      {
        ALT: (): Literal => {
          const token = this.CONSUME(TextLiteral);
          return { token, value: this.ACTION(() => unquoted(token.image)) };
        },
      },
      {
        ALT: (): Literal => {
          const token = this.CONSUME(NumberLiteral);
          return { token, value: this.ACTION(() => Number(token.image)) };
        },
      },
      { ALT: (): Literal => ({ token: this.CONSUME(Null), value: null }) },
    ]),
  );
}

const parser = new FilterParser();

/** @throws FilterError with the position of the error */
export function parseFilter(text: string, fields: FieldTypes): Expression {
  if (text.length > LENGTH_MAX) throw new FilterError(LENGTH_MAX, `a filter may have at most ${LENGTH_MAX} characters`);
  const {
    tokens,
    errors: [unread],
  } = lexer.tokenize(text);
  if (unread) {
    const character = text.charAt(unread.offset);
    throw new FilterError(
      unread.offset,
      /['"]/.test(character) ? 'the quote is not closed' : `unexpected ${JSON.stringify(character)}`,
    );
  }
  checkDepth(tokens);
  parser.input = tokens;
  const tree = parser.filter();
  const [error] = parser.errors;
  if (error)
    throw new FilterError(Number.isNaN(error.token.startOffset) ? text.length : error.token.startOffset, error.message);
  return typed(tree, fields);
}

function joined(kind: 'and' | 'or', terms: readonly Untyped[]): Untyped {
  const [only] = terms;
  return only && terms.length === 1 ? only : { kind, terms };
}

function unquoted(image: string): string {
  const quote = image.charAt(0);
  return image.slice(1, -1).replaceAll(quote + quote, quote);
}

function checkDepth(tokens: readonly IToken[]): void {
  let [open, nots] = [0, 0];
  for (const { tokenType, startOffset } of tokens) {
    if (tokenType === Open) open += 1;
    if (tokenType === Close) open -= 1;
    if (tokenType === Not) nots += 1;
    if (open > DEPTH_MAX || nots > DEPTH_MAX)
      throw new FilterError(startOffset, `parentheses and nots may be nested at most ${DEPTH_MAX} deep`);
  }
}

function typed(tree: Untyped, fields: FieldTypes): Expression {
  switch (tree.kind) {
    case 'and':
    case 'or':
      return { kind: tree.kind, terms: tree.terms.map((term) => typed(term, fields)) };
    case 'not':
      return { kind: 'not', term: typed(tree.term, fields) };
    case 'in':
      return {
        kind: 'in',
        field: known(tree.field, fields),
        values: tree.literals.map((literal) => valueOf(tree.field, literal, fields)),
      };
    case 'compare': {
      const comparator = COMPARATOR[tree.comparator.image] ?? (tree.comparator.image as Comparator);
      const value = valueOf(tree.field, tree.literal, fields);
      if (value === null && comparator !== '=' && comparator !== '!=')
        throw new FilterError(tree.literal.token.startOffset, 'null can be compared only with = and !=');
      return { kind: 'compare', field: known(tree.field, fields), comparator, value };
    }
  }
}

const COMPARATOR: Readonly<Record<string, Comparator>> = { '==': '=', '<>': '!=' };

function known(field: IToken, fields: FieldTypes): string {
  if (Object.hasOwn(fields, field.image)) return field.image;
  throw new FilterError(
    field.startOffset,
    `there is no field ${field.image}; the fields are ${Object.keys(fields).join(', ')}`,
  );
}

function valueOf(field: IToken, { token, value }: Literal, fields: FieldTypes): Value {
  const name = known(field, fields);
  const mismatch = (what: string): FilterError =>
    new FilterError(token.startOffset, `${name} must be compared with ${what}, not with ${token.image}`);
  if (value === null) return null;
  const type = fields[name] as FieldType;
  switch (type) {
    case 'number':
      if (typeof value === 'number' && Number.isFinite(value)) return value;
      throw mismatch('a number');
    // A numeric id needs no quotes: `dpu_id = 423`.
    case 'text':
      return typeof value === 'string' ? value : token.image;
    case 'instant': {
      // A date means midnight UTC.
      const ms =
        typeof value === 'number'
          ? value
          : parseInstant(/^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T00:00:00Z` : value);
      if (ms !== undefined && Number.isSafeInteger(ms) && ms >= 0) return ms;
      throw mismatch("an instant such as '2018-02-25T10:00:00Z' or a date such as '2018-02-25'");
    }
  }
}
