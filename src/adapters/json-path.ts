// JSONPath (RFC 9535) over payloads. Operators write the paths and devices send the payloads, so anything that could
// take more than linear time is forbidden: functions, a second descendant segment, and references to the whole
// document from inside a filter.
import { JSONPathEnvironment, type JSONPathQuery, type JSONValue } from 'json-p3';
import { Field } from './field.ts';

const LENGTH_MAX = 500;
const environment = new JSONPathEnvironment({ maxRecursionDepth: 1_000_000 });
environment.functionRegister.clear();

/** `$…` refers to the document, `@…` to the item. */
export interface Path {
  readonly ofItem: boolean;
  readonly query: JSONPathQuery;
}

/**
 * @returns the error as text if it is not a valid path
 */
export function compilePath(text: string, of: 'items' | 'field'): Path | string {
  if (text.length > LENGTH_MAX) return `must have at most ${LENGTH_MAX} characters`;
  if (!(of === 'items' ? /^\$/ : /^[$@]/).test(text))
    return `must be a JSONPath that begins with ${of === 'items' ? '$' : '$ (the document) or @ (the item)'}`;
  const unquoted = text.slice(1).replaceAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, "''");
  if (unquoted.includes('$')) return 'must not contain $ after its beginning';
  if (unquoted.split('..').length > 2) return 'must not contain .. more than once';
  if ((unquoted.match(/\*/g)?.length ?? 0) > 5) return 'must not contain * more than five times';
  try {
    const query = environment.compile(`$${text.slice(1)}`);
    if (of === 'field' && !query.singularQuery()) return 'must name a single place: no *, .., slices or filters';
    return { ofItem: text.startsWith('@'), query };
  } catch (error) {
    return `is not a JSONPath: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Every place that a path selects, with its own path. */
export function* placesAt({ query }: Path, document: Field): Generator<Field> {
  for (const node of query.lazyQuery(document.value as JSONValue)) yield new Field(node.value, node.path);
}

/** The first place that a path selects; if there is none, a field that does not exist. */
export function placeAt({ ofItem, query }: Path, document: Field, item: Field): Field {
  const base = ofItem ? item : document;
  const node = query.match(base.value as JSONValue);
  return new Field(node?.value, `${ofItem ? item.path : '$'}${(node?.path ?? query.toString()).slice(1)}`);
}
