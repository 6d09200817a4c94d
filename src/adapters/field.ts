// A value inside a payload with its path, so that errors can report where it is.
import { WrongField } from './wrong-field.ts';

const TEXT_MAX = 1_000;
const DECIMAL = /^\+?\d{1,16}(?:\.0{1,12})?$/;

export class Field {
  readonly value: unknown;
  readonly path: string;

  constructor(value: unknown, path = '') {
    this.value = value;
    this.path = path;
  }

  /** True if the value is neither absent nor null. */
  get exists(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  get isObject(): boolean {
    return typeof this.value === 'object' && this.value !== null && !Array.isArray(this.value);
  }

  /** A field of an object. If this is not an object or has no such field, a field that does not exist. */
  get(key: string): Field {
    const own = this.isObject && Object.hasOwn(this.value as object, key);
    return new Field(
      own ? (this.value as Record<string, unknown>)[key] : undefined,
      this.path === '' ? key : `${this.path}.${key}`,
    );
  }

  /** The first of several fields that exists; if none does, the first one. */
  first(...keys: readonly [string, ...string[]]): Field {
    return keys.map((key) => this.get(key)).find(({ exists }) => exists) ?? this.get(keys[0]);
  }

  /**
   * The elements of an array. A value that is not an array is the only element; a field that does not exist has none.
   */
  items(): readonly Field[] {
    if (!this.exists) return [];
    if (!Array.isArray(this.value)) return [this];
    return this.value.map((item: unknown, index) => new Field(item, `${this.path}[${index}]`));
  }

  entries(): readonly (readonly [string, Field])[] {
    return this.isObject ? Object.keys(this.value as object).map((key) => [key, this.get(key)]) : [];
  }

  /** Text, or a number as text, without surrounding white space; undefined for anything else, and for empty text. */
  text(): string | undefined {
    const { value } = this;
    if (typeof value === 'number' && Number.isFinite(value)) return String(value);
    const text = typeof value === 'string' ? value.trim() : '';
    return text === '' || text.length > TEXT_MAX ? undefined : text;
  }

  /** @throws WrongField */
  requireText(what: string): string {
    return this.text() ?? this.fail(this.exists ? `must be ${what}` : `is missing: ${what}`);
  }

  /** A number of people: a whole number, at least 0, possibly as text. @throws WrongField */
  count(): number {
    const { value } = this;
    const number = typeof value === 'string' && DECIMAL.test(value.trim()) ? Number(value) : value;
    if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
    return this.fail(this.exists ? 'must be a whole number, at least 0' : 'is missing: a number of people');
  }

  /** @throws WrongField */
  fail(detail: string): never {
    throw new WrongField(this.path, detail);
  }
}
