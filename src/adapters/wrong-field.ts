/** A field of a payload cannot be read. Thrown and caught only within the adapters. */
export class WrongField extends Error {
  override readonly name = 'WrongField';
  readonly path: string;

  constructor(path: string, detail: string) {
    super(detail);
    this.path = path;
  }
}
