// Defines an adapter by a schema for its options and a function that reads a payload into a collection.
import { z } from 'zod';
import type { AdaptedPayload, Adapter, PayloadContext } from './adapter.ts';
import { ReadingCollection } from './reading-collection.ts';

/** Options of every adapter. */
export const COMMON_OPTIONS = {
  reversed: z
    .union([z.boolean(), z.array(z.string().min(1)).max(100)])
    .default(false)
    .describe(
      'the lines at which the device reports entrances and exits the wrong way round: true for all, or a list of line names',
    ),
};

type CommonOptions = z.infer<z.ZodObject<typeof COMMON_OPTIONS>>;

interface Definition<Options extends CommonOptions> {
  readonly name: string;
  readonly options: z.ZodType<Options>;
  /**
   * Adds the readings of the payload; throws WrongField if the whole payload is unreadable. Returns the memory, if
   * the adapter has one.
   */
  readonly read: (
    payload: Uint8Array,
    context: PayloadContext,
    options: Options,
    into: ReadingCollection,
  ) => string | void;
}

export function defineAdapter<Options extends CommonOptions>({ name, options, read }: Definition<Options>): Adapter {
  return {
    name,
    options,
    configure: (value) => {
      const parsed = options.safeParse(value ?? {});
      if (!parsed.success) return { ok: false, problems: parsed.error.issues.map(problemOf) };
      return { ok: true, adapt: (payload, context) => adapted(payload, context, parsed.data, read) };
    },
  };
}

function adapted<Options extends CommonOptions>(
  payload: Uint8Array,
  context: PayloadContext,
  options: Options,
  read: Definition<Options>['read'],
): AdaptedPayload {
  const collection = new ReadingCollection(context.device, options.reversed);
  let memory: string | void = undefined;
  try {
    collection.attempt(() => (memory = read(payload, context, options, collection)));
    return collection.result(memory);
  } catch (error) {
    // A defect in an adapter must not stop the partition that runs it.
    return { readings: [], rejected: [{ detail: `the adapter failed: ${String(error).slice(0, 200)}` }], skipped: [] };
  }
}

function problemOf({ path, message }: z.core.$ZodIssue): { path: string; detail: string } {
  const name = path.reduce<string>(
    (before, key) =>
      typeof key === 'number' ? `${before}[${key}]` : before ? `${before}.${String(key)}` : String(key),
    '',
  );
  return { path: name, detail: message };
}
