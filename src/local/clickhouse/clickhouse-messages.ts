// The IPC messages of the ClickHouse engine's process to the process that started it.

import { z } from 'zod';

export const ENGINE_MESSAGE = z.discriminatedUnion('type', [
  z.object({ type: z.literal('listening'), port: z.int() }),
  z.object({ type: z.literal('failed'), why: z.enum(['port-taken', 'chdb-missing', 'other']), detail: z.string() }),
]);

export type EngineMessage = z.infer<typeof ENGINE_MESSAGE>;
