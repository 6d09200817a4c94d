import { useState } from 'preact/hooks';
import { api, doneOf } from '../api/client.ts';
import { savePlan, uploadPlanImage } from '../api/floor-plans.ts';
import type { FloorPlan } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { ImageField, TextField } from '../parts/fields.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';

interface NewPlanDialogProps {
  readonly onClose: () => void;
  readonly onAdded: (text: string, id: string) => void;
}

export function NewPlanDialog({ onClose, onAdded }: NewPlanDialogProps) {
  const [name, setName] = useState('');
  const [file, setFile] = useState<File>();
  const [id] = useState(newId);
  const add = async (): Promise<string | undefined> => {
    if (!file) return undefined;
    await savePlan(id, { name, spaces: [], doorways: [] });
    await uploadPlanImage(id, file);
    return messages.planAdded(name);
  };
  return (
    <FormDialog
      title={messages.newPlan}
      submit={messages.save}
      onSubmit={add}
      onDone={(text) => onAdded(text, id)}
      onClose={onClose}
    >
      <TextField label={messages.name} value={name} onChange={setName} />
      <ImageField label={messages.planImage} onChange={setFile} />
      <p class="hint">{messages.planImageHint}</p>
    </FormDialog>
  );
}

/** `crypto.randomUUID` is not there over plain http. */
function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

interface DeletePlanDialogProps {
  readonly plan: FloorPlan;
  readonly onClose: () => void;
  readonly onDeleted: (text: string) => void;
}

export function DeletePlanDialog({ plan: { id, name }, onClose, onDeleted }: DeletePlanDialogProps) {
  const remove = async (): Promise<string> => {
    await doneOf(api.DELETE('/floor-plans/{id}', { params: { path: { id } } }));
    return messages.planDeleted(name);
  };
  return (
    <FormDialog
      title={messages.deletePlan}
      submit={messages.deleteNow}
      onSubmit={remove}
      onDone={onDeleted}
      onClose={onClose}
    >
      <p>{messages.deletePlanHint(name)}</p>
    </FormDialog>
  );
}
