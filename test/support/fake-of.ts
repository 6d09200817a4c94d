/** The members of a fake that a test gives; those of its own members may be given in part, too. */
type Given<T> = { readonly [Member in keyof T]?: T[Member] | Partial<T[Member]> };

/**
 * A fake of an interface that has what a test gives. Anything else may be looked at, as constructors do, but a call
 * of it fails by its name: a test never goes on with `undefined` where the code under test expected something.
 */
export function fakeOf<T extends object>(name: string, given: Given<T>): T {
  return new Proxy(given, {
    get: (target, member): unknown => {
      const value: unknown = Reflect.get(target, member);
      if (isPlain(value)) return fakeOf(`${name}.${String(member)}`, value);
      return member in target ? value : missing(name, member);
    },
  }) as T;
}

function missing(name: string, member: string | symbol): unknown {
  // What promises and conversions to text look for is not asked of the interface.
  if (typeof member === 'symbol' || member === 'then') return undefined;
  const path = `${name}.${member}`;
  return new Proxy(() => undefined, {
    get: (_, inner): unknown => missing(path, inner),
    apply: () => {
      throw new Error(`the test has no fake of ${path}`);
    },
  });
}

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
