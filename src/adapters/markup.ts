// XML and multipart bodies. Both are parsed by libraries with entity expansion switched off; the results are fields.
import { parseMultipart, type MultipartPart } from '@remix-run/multipart-parser';
import { XMLParser } from 'fast-xml-parser';
import { Field } from './field.ts';
import { checkSize, textOf } from './payload-text.ts';
import { WrongField } from './wrong-field.ts';

const PARTS_MAX = 50;
const DEPTH_MAX = 64;
const BOUNDARY = /\bboundary=(?:"([^"\r\n]{1,70})"|([^\s;,]{1,70}))/i;
const FIRST_LINE = /^\s{0,16}--([^\r\n]{1,70})\r?\n/;

const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  removeNSPrefix: true,
  parseTagValue: false,
  processEntities: false,
  maxNestedTags: DEPTH_MAX,
});

/** The root element of an XML document, and its name. @throws WrongField */
export function xmlRoot(text: string): readonly [string, Field] {
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) throw new WrongField('', 'declares a document type, which is not read');
  let document: unknown;
  try {
    document = parser.parse(text, true);
  } catch (error) {
    throw new WrongField('', `is not XML: ${error instanceof Error ? error.message.slice(0, 200) : ''}`);
  }
  const root = new Field(document).entries().find(([name]) => name !== '#text');
  if (!root) throw new WrongField('', 'has no element');
  return root;
}

/** The parts of a multipart body as text; any other body is its only part. @throws WrongField */
export function partsOf(payload: Uint8Array, contentType: string | undefined): readonly string[] {
  checkSize(payload);
  const boundary = boundaryOf(payload, contentType);
  if (boundary === undefined) return [textOf(payload)];
  const body = normalized(payload, boundary);
  const options = { boundary, maxParts: PARTS_MAX, maxFileSize: body.length, maxTotalSize: body.length };
  const texts: string[] = [];
  try {
    for (const part of parseMultipart(body, options)) {
      if (isMarkup(part)) texts.push(textOf(part.bytes));
    }
  } catch (error) {
    if (error instanceof WrongField) throw error;
    throw new WrongField('', `is not multipart: ${error instanceof Error ? error.message.slice(0, 200) : ''}`);
  }
  return texts;
}

/**
 * Prepares a body for the parser: removes what precedes the first boundary, uses CRLF where some firmware has line
 * feeds (which damages pictures, but they are not read), and closes the body if it is a part of an endless stream.
 */
function normalized(payload: Uint8Array, boundary: string): Uint8Array {
  const delimiter = `--${boundary}`;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  let text = bytes.subarray(Math.max(bytes.indexOf(delimiter, 0, 'latin1'), 0)).toString('latin1');
  if (!text.includes(`${delimiter}\r\n`)) text = text.replaceAll('\n', '\r\n');
  if (text.includes(`${delimiter}--`)) return Buffer.from(text, 'latin1');
  const end = text.trimEnd();
  return Buffer.from(end.endsWith(delimiter) ? `${end}--` : `${end}\r\n${delimiter}--`, 'latin1');
}

/** Taken from the content type, or from a body that begins like a multipart body. */
function boundaryOf(payload: Uint8Array, contentType = ''): string | undefined {
  const [, quoted, plain] = /^\s*multipart\//i.test(contentType) ? (BOUNDARY.exec(contentType) ?? []) : [];
  const first = new TextDecoder('latin1').decode(payload.subarray(0, 100));
  return quoted ?? plain ?? FIRST_LINE.exec(first)?.[1]?.trimEnd();
}

/** False for the pictures that accompany counts. Parts may lack a type. */
function isMarkup({ bytes }: MultipartPart): boolean {
  const start = new TextDecoder().decode(bytes.subarray(0, 64)).trimStart();
  return start.startsWith('<') || start.startsWith('{');
}
