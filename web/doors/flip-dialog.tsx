import { api } from '../api/client.ts';
import type { Doorway } from '../api/types.ts';
import { ChangeDialog } from '../changes/change-dialog.tsx';
import type { Change } from '../changes/change.ts';
import { messages } from '../i18n/i18n.ts';
import { leads } from '../live/doorway-names.ts';

interface FlipDialogProps {
  readonly doorway: Doorway;
  readonly onClose: () => void;
  readonly onDone: (text: string) => void;
}

/** Swaps the two spaces of a doorway, for all of its readings. */
export function FlipDialog({ doorway, onClose, onDone }: FlipDialogProps) {
  const flipped = { ingress_space_id: doorway.egress_space_id, egress_space_id: doorway.ingress_space_id };
  const flip: Change = async (params) =>
    api.PATCH('/doorways/{id}', { params: { ...params, path: { id: doorway.id } }, body: flipped });
  return (
    <ChangeDialog
      title={messages.flipDoorway(doorway.name)}
      change={flip}
      input=""
      submit={messages.flipNow}
      done={() => messages.flipped(doorway.name)}
      isTriedAtOnce
      onClose={onClose}
      onDone={onDone}
    >
      <p>{messages.flipHint(leads(doorway), leads(flipped))}</p>
    </ChangeDialog>
  );
}
