// Decodes payloads: text, JSON, CSV. The size limits are checked before anything is built from a payload.
import { CsvError, parse as parseCsv } from 'csv-parse/sync';
import { Field } from './field.ts';
import { WrongField } from './wrong-field.ts';

/** The maximum size of a NATS message. */
const BYTES_MAX = 1_048_576;
const DEPTH_MAX = 64;
const COLUMNS_MAX = 1_000;

/** @throws WrongField */
export function checkSize({ length }: Uint8Array): void {
  if (length > BYTES_MAX) throw new WrongField('', `has more than ${BYTES_MAX} bytes`);
}

/**
 * UTF-8 without a byte order mark, surrounding white space, and the NUL that some firmware written in C appends.
 * @throws WrongField
 */
export function textOf(payload: Uint8Array): string {
  checkSize(payload);
  let end = payload.length;
  while (end > 0 && payload[end - 1] === 0) end--;
  const text = new TextDecoder().decode(payload.subarray(0, end)).trim();
  if (text === '') throw new WrongField('', 'is empty');
  return text;
}

/** The documents in a payload: one, an array of documents, or one on each line. @throws WrongField */
export function jsonDocuments(payload: Uint8Array): readonly Field[] {
  return documentsIn(textOf(payload));
}

export function documentsIn(text: string): readonly Field[] {
  return wholeDocumentsIn(text).flatMap((document) => document.items());
}

/** Like `jsonDocuments`, but an array is one document. @throws WrongField */
export function wholeDocumentsIn(text: string): readonly Field[] {
  checkDepth(text);
  const whole = parsed(text);
  if (whole.ok) return [new Field(whole.value)];
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length < 2 || !lines.every((line) => line.trimStart().startsWith('{')))
    throw new WrongField('', `is not JSON: ${whole.detail}`);
  return lines.map((line, index) => {
    const one = parsed(line);
    if (!one.ok) throw new WrongField(`[${index}]`, `is not JSON: ${one.detail}`);
    return new Field(one.value, `[${index}]`);
  });
}

function parsed(text: string): { ok: true; value: unknown } | { ok: false; detail: string } {
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message.slice(0, 200) : '' };
  }
}

/** Counts brackets outside strings, in text that may not be JSON at all. */
function checkDepth(text: string): void {
  let [depth, inString] = [0, false];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString && character === '\\') at++;
    else if (character === '"') inString = !inString;
    else if (inString) continue;
    else if (character === '[' || character === '{') depth++;
    else if (character === ']' || character === '}') depth--;
    if (depth > DEPTH_MAX) throw new WrongField('', `has more than ${DEPTH_MAX} levels`);
  }
}

/** The lines of a CSV as lists of cells. @throws WrongField */
export function csvLines(text: string, delimiter = ','): readonly (readonly string[])[] {
  try {
    const lines = parseCsv(text, {
      delimiter,
      bom: true,
      trim: true,
      relax_column_count: true,
      skip_empty_lines: true,
    });
    if (lines.some((line) => line.length > COLUMNS_MAX))
      throw new WrongField('', `has more than ${COLUMNS_MAX} columns`);
    return lines;
  } catch (error) {
    if (error instanceof CsvError) throw new WrongField('', `is not CSV: ${error.message.slice(0, 200)}`);
    throw error;
  }
}

/** A line of a CSV by the names of its columns. */
export function csvRecord(header: readonly string[], line: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(header.map((name, index) => [name, line[index] ?? '']));
}
