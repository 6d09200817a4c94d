// The tokens of the filter language.
import { createToken, Lexer, type TokenType } from 'chevrotain';

export const Identifier = createToken({ name: 'Identifier', label: 'a field', pattern: /[A-Za-z_][A-Za-z0-9_]*/ });
const keyword = (name: string, pattern: RegExp): TokenType =>
  createToken({ name, label: name.toLowerCase(), pattern, longer_alt: Identifier });

export const And = keyword('And', /and/i);
export const Or = keyword('Or', /or/i);
export const Not = keyword('Not', /not/i);
export const In = keyword('In', /in/i);
export const Is = keyword('Is', /is/i);
export const Null = keyword('Null', /null/i);
export const Open = createToken({ name: 'Open', label: '"("', pattern: '(' });
export const Close = createToken({ name: 'Close', label: '")"', pattern: ')' });
export const Comma = createToken({ name: 'Comma', label: '","', pattern: ',' });
export const Compare = createToken({ name: 'Compare', label: 'a comparison', pattern: /<>|!=|<=|>=|==?|<|>/ });
export const NumberLiteral = createToken({
  name: 'Number',
  label: 'a number',
  pattern: /[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?/,
});
/** As in SQL, a quote inside a string is doubled. */
export const TextLiteral = createToken({
  name: 'Text',
  label: 'a quoted string',
  pattern: /'(?:[^']|'')*'|"(?:[^"]|"")*"/,
});
const Blank = createToken({ name: 'Blank', pattern: /\s+/, group: Lexer.SKIPPED });

// Keywords must precede Identifier: the first match wins, unless `longer_alt` matches more.
export const TOKENS = [
  Blank,
  And,
  Or,
  Not,
  In,
  Is,
  Null,
  Open,
  Close,
  Comma,
  Compare,
  TextLiteral,
  NumberLiteral,
  Identifier,
];
