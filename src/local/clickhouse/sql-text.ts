// The little of ClickHouse's SQL text the local engine must understand: where a statement ends, and
// where an INSERT's own text ends and its data begins.
//
// Invariant: whatever it does not recognise for certain it leaves alone; the engine parses and judges.

/** A string literal. Everything but the quote and the backslash may stand in one as it is. */
export function quoteString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

export function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

// What must be told apart to find a real semicolon: comments, and literals or quoted names. One that
// does not end matches to the end of the text, and the engine complains about it.
const COMMENT = /--[^\n]*|#[ !][^\n]*|\/\*[^]*?(?:\*\/|$)/.source;
const QUOTED = ["'", '"', '`'].map((q) => `${q}[^${q}\\\\]*(?:(?:\\\\[^]|${q}${q})[^${q}\\\\]*)*(?:${q}|$)`).join('|');
const HEREDOC = /\$(?<tag>\w*)\$[^]*?(?:\$\k<tag>\$|$)/.source;
const TOKEN = new RegExp(`${COMMENT}|${QUOTED}|${HEREDOC}`, 'g');

/**
 * True where a second statement follows a semicolon. ClickHouse's HTTP interface refuses that, while
 * chDB runs both: code that works here must work in production.
 */
export function hasSecondStatement(sql: string): boolean {
  if (!sql.includes(';')) return false;
  const bare = sql.replaceAll(TOKEN, (token) => (/^(?:--|#|\/\*)/.test(token) ? ' ' : 'literal'));
  return /;[\s;]*[^\s;]/.test(bare);
}

export interface InsertHead {
  readonly table: string;
  readonly columns: readonly string[];
  readonly format: string;
  /** Where the text ends and the data begins. */
  readonly length: number;
}

const NAME = '[A-Za-z_]\\w*';
const INSERT = new RegExp(
  `^\\s*INSERT\\s+INTO\\s+(?:TABLE\\s+)?(?<table>${NAME}(?:\\.${NAME})?)` +
    `\\s*(?:\\(\\s*(?<columns>${NAME}(?:\\s*,\\s*${NAME})*)\\s*\\)\\s*|\\s)` +
    `FORMAT\\s+(?<format>\\w+)[ \\t]*(?:;?[ \\t]*(?:\\r?\\n|$))`,
  'i',
);

/** The plain shape which clients send, `INSERT INTO db.t (a, b) FORMAT X`; undefined for any other. */
export function parseInsertHead(sql: string): InsertHead | undefined {
  const match = INSERT.exec(sql);
  if (match?.groups === undefined) return undefined;
  const { table = '', columns, format = '' } = match.groups;
  return {
    table,
    columns: columns === undefined ? [] : columns.split(',').map((name) => name.trim()),
    format,
    length: match[0].length,
  };
}

export function isInsert(sql: string): boolean {
  return /^\s*(?:(?:--[^\n]*\n|\/\*[^]*?\*\/)\s*)*INSERT\b/i.test(sql);
}
