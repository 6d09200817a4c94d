// The small part of SQL parsing that the local engine needs: where a statement ends, and where the data of an INSERT
// begins.
//
// Invariant: text that is not recognised with certainty is passed on unchanged, and the engine parses it.

/** A string literal. Only quotes and backslashes need escaping. */
export function quoteString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

export function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

// Semicolons in comments, literals and quoted names do not end a statement. An unterminated quote or comment matches
// to the end of the text, and the engine reports it.
const COMMENT = /--[^\n]*|#[ !][^\n]*|\/\*[^]*?(?:\*\/|$)/.source;
const QUOTED = ["'", '"', '`'].map((q) => `${q}[^${q}\\\\]*(?:(?:\\\\[^]|${q}${q})[^${q}\\\\]*)*(?:${q}|$)`).join('|');
const HEREDOC = /\$(?<tag>\w*)\$[^]*?(?:\$\k<tag>\$|$)/.source;
const TOKEN = new RegExp(`${COMMENT}|${QUOTED}|${HEREDOC}`, 'g');

/**
 * True if a second statement follows a semicolon. ClickHouse's HTTP interface refuses this, while chDB would run
 * both. Statements that work here must also work in production.
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
  /** Offset at which the data begins. */
  readonly length: number;
}

const NAME = '[A-Za-z_]\\w*';
const INSERT = new RegExp(
  `^\\s*INSERT\\s+INTO\\s+(?:TABLE\\s+)?(?<table>${NAME}(?:\\.${NAME})?)` +
    `\\s*(?:\\(\\s*(?<columns>${NAME}(?:\\s*,\\s*${NAME})*)\\s*\\)\\s*|\\s)` +
    `FORMAT\\s+(?<format>\\w+)[ \\t]*(?:;?[ \\t]*(?:\\r?\\n|$))`,
  'i',
);

/** Parses the form that clients send, `INSERT INTO db.t (a, b) FORMAT X`; undefined for any other form. */
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
