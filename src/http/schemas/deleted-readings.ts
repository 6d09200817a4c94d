// The schema of deleted readings.
import { z } from 'zod';
import { instant, resource } from './resources.ts';

export const deletedReading = resource(
  'DeletedReading',
  'A reading that counts in no space, as if it had never been sent. It need not have been sent yet',
  {
    id: z.string().meta({ description: 'the id of the reading' }),
    dpu_id: z.string(),
    timestamp: instant('timestamp of the reading'),
    reason: z.string(),
    deleted_at: instant('when it was deleted'),
  },
);
