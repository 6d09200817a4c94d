// Ports that fail or answer as a test wants.
/** A port of which some methods answer otherwise. */
export function instead<T extends object>(port: T, methods: Partial<T>): T {
  return new Proxy(port, {
    get: (target, key): unknown => {
      const value: unknown = Reflect.get(key in methods ? methods : target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
