import { messages } from '../i18n/i18n.ts';
import { Dialog } from '../parts/dialog.tsx';
import { PlacementTable } from './placement-table.tsx';

interface PlacementsDialogProps {
  readonly dpu: string;
  readonly onClose: () => void;
}

export function PlacementsDialog({ dpu, onClose }: PlacementsDialogProps) {
  return (
    <Dialog title={messages.placements(dpu)} onClose={onClose}>
      <PlacementTable dpu={dpu} />
      <form method="dialog" class="buttons">
        <button type="submit" class="button">
          {messages.close}
        </button>
      </form>
    </Dialog>
  );
}
