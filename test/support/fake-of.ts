/** The members that a test provides. Their own members may be partial, too, and optional members may be undefined. */
type Given<T> = { readonly [Member in keyof T]?: T[Member] | Partial<T[Member]> | undefined };

/**
 * A fake of an interface with the members that a test provides. Any other member may be read, as constructors do, but calling it
 * fails with its name: a test never continues with `undefined` where the code under test expected something.
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
  // Members that promises and string conversion look for are not part of the interface.
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
