// Any JSON or CSV, by a description of its fields: for devices without an adapter of their own. mapping-options.ts
// has the description.
import { defineAdapter } from './define-adapter.ts';
import { clockOfZone, timeOf, type TimeRules } from './device-time.ts';
import { readingNameOf } from './dpu-name.ts';
import { Field } from './field.ts';
import { placeAt, placesAt, type Path } from './json-path.ts';
import { mappingOptions, type MappingOptions } from './mapping-options.ts';
import { csvLines, csvRecord, textOf, wholeDocumentsIn } from './payload-text.ts';
import type { ReadingCollection } from './reading-collection.ts';

export const mapping = defineAdapter({
  name: 'mapping',
  options: mappingOptions,
  read: (payload, _, options, into) => {
    const rules = { clock: clockOfZone(options.time_zone), unit: options.time_unit, order: options.date_order };
    into.each(documentsOf(payload, options), (document) =>
      into.each(itemsOf(document, options), (item) => addItem({ document, item, options, rules, into })),
    );
  },
});

function documentsOf(payload: Uint8Array, { format, delimiter, preamble }: MappingOptions): readonly Field[] {
  if (format === 'json') return wholeDocumentsIn(textOf(payload));
  const lines = csvLines(textOf(payload), delimiter);
  const [[names = [], constants = []], [header = [], ...rows]] = preamble ? [lines, lines.slice(2)] : [[], lines];
  return [
    new Field({
      preamble: csvRecord(names, constants),
      rows: rows.map((row) => csvRecord(header, row)),
    }),
  ];
}

function itemsOf(document: Field, { items, format }: MappingOptions): Iterable<Field> {
  if (items) return placesAt(items, document);
  return format === 'csv' ? document.get('rows').items() : document.items();
}

interface Item {
  readonly document: Field;
  readonly item: Field;
  readonly options: MappingOptions;
  readonly rules: TimeRules;
  readonly into: ReadingCollection;
}

function addItem({ document, item, options, rules, into }: Item): void {
  const at = (path: Path): Field => placeAt(path, document, item);
  const line = options.line && at(options.line).requireText('a line');
  const name = {
    device: options.device && at(options.device).requireText('a device'),
    line: line === undefined ? undefined : (ownValue(options.lines, line) ?? line),
  };
  const id = options.id && idAt(at(options.id));
  const common = {
    timestampMs: options.time ? timeOf(at(options.time), rules) : null,
    ...(id === undefined ? {} : { id }),
  };
  if (options.direction) {
    const direction = directionAt(at(options.direction.path), options.direction);
    return into.person(name, item, { ...common, direction });
  }
  const entrances = options.entrances ? at(options.entrances).count() : 0;
  const exits = options.exits ? at(options.exits).count() : 0;
  if (options.kind === 'total') {
    const counterEpoch = options.counter_epoch && readingNameOf(at(options.counter_epoch).text());
    const standing = { ...common, totalEntrances: entrances, totalExits: exits };
    return into.standing(name, item, counterEpoch === undefined ? standing : { ...standing, counterEpoch });
  }
  if (options.kind === 'event' && entrances + exits === 0) return;
  const start = options.start ? { startMs: timeOf(at(options.start), rules) } : {};
  into.people(name, item, { ...common, ...start, entrances, exits });
}

function idAt(field: Field): string {
  return readingNameOf(field.requireText('an id')) ?? field.fail('is longer than an id may be');
}

function directionAt(field: Field, { entrance, exit }: NonNullable<MappingOptions['direction']>): 1 | -1 {
  const value = field.exists ? String(field.value) : undefined;
  if (value !== undefined && entrance.includes(value)) return 1;
  if (value !== undefined && exit.includes(value)) return -1;
  return field.fail(field.exists ? 'is neither an entrance nor an exit' : 'is missing: a direction');
}

function ownValue(record: Readonly<Record<string, string>> | undefined, key: string): string | undefined {
  return record && Object.hasOwn(record, key) ? record[key] : undefined;
}
