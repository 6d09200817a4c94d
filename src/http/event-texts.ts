// The texts of live events. Many subscribers get the same ones: those of the same moment, those who connect or come back at
// about the same time, and those who read slowly. So a text is kept while somebody has asked for it within a second or two.
// Kept as long as the feed keeps its items, texts would be most of what a major collection of garbage has to mark.

const KEPT_MS = 1_000;

export class EventTexts {
  #asked = new Map<object, string>();
  /** Those that nobody has asked for since the last change of generation. */
  #old = new Map<object, string>();
  #timer: NodeJS.Timeout | undefined;

  /** @param write called unless the text is known */
  of(item: object, write: () => string): string {
    const known = this.#asked.get(item);
    if (known !== undefined) return known;
    const text = this.#old.get(item) ?? write();
    this.#asked.set(item, text);
    this.#timer ??= setTimeout(() => this.#age(), KEPT_MS).unref();
    return text;
  }

  #age(): void {
    this.#timer = this.#asked.size > 0 ? setTimeout(() => this.#age(), KEPT_MS).unref() : undefined;
    this.#old = this.#asked;
    this.#asked = new Map();
  }
}
