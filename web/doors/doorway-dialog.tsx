import { useState } from 'preact/hooks';
import { allPages, api, bodyOf } from '../api/client.ts';
import type { Doorway, Space } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { ChoiceField, TextField } from '../parts/fields.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { useAnswer } from '../use-answer.ts';

interface DoorwayDialogProps {
  /** Undefined for a new one. One that exists can only be renamed: other changes move readings. */
  readonly doorway: Doorway | undefined;
  readonly onClose: () => void;
  /** @param text what was done */
  readonly onSaved: (text: string) => void;
}

export function DoorwayDialog({ doorway, onClose, onSaved }: DoorwayDialogProps) {
  const [name, setName] = useState(doorway?.name ?? '');
  const [from, setFrom] = useState<number | null>(null);
  const [to, setTo] = useState<number | null>(null);
  const save = async (): Promise<string> => {
    if (doorway) {
      await bodyOf(api.PATCH('/doorways/{id}', { params: { path: { id: doorway.id } }, body: { name } }));
      return messages.doorwayChanged(name);
    }
    if (from === to) throw new Error(messages.sameSides);
    await bodyOf(api.POST('/doorways', { body: { name, egress_space_id: from, ingress_space_id: to } }));
    return messages.doorwayCreated(name);
  };
  return (
    <FormDialog
      title={doorway ? messages.editDoorway(doorway.name) : messages.newDoorway}
      submit={messages.save}
      onSubmit={save}
      onDone={onSaved}
      onClose={onClose}
    >
      <TextField label={messages.name} value={name} onChange={setName} />
      {doorway ? null : <Sides from={from} to={to} onFrom={setFrom} onTo={setTo} />}
    </FormDialog>
  );
}

interface SidesProps {
  readonly from: number | null;
  readonly to: number | null;
  readonly onFrom: (id: number | null) => void;
  readonly onTo: (id: number | null) => void;
}

function Sides({ from, to, onFrom, onTo }: SidesProps) {
  const spaces = useAnswer(
    async () =>
      allPages(async (query) => bodyOf(api.GET('/spaces', { params: { query: { ...query, sort: 'name' } } }))),
    [],
  );
  return (
    <>
      <Side text={messages.leadsFrom} spaces={spaces.value ?? []} value={from} onChange={onFrom} />
      <Side text={messages.leadsTo} spaces={spaces.value ?? []} value={to} onChange={onTo} />
      <p class="hint">{spaces.error ?? messages.sidesHint}</p>
    </>
  );
}

interface SideProps {
  readonly text: string;
  readonly spaces: readonly Space[];
  readonly value: number | null;
  readonly onChange: (id: number | null) => void;
}

const OUTSIDE = 'outside';

function Side({ text, spaces, value, onChange }: SideProps) {
  return (
    <ChoiceField
      label={text}
      value={value === null ? OUTSIDE : String(value)}
      onChange={(chosen) => onChange(chosen === OUTSIDE ? null : Number(chosen))}
      choices={[
        { value: OUTSIDE, text: messages.outside },
        ...spaces.map(({ id, name }) => ({ value: String(id), text: name })),
      ]}
    />
  );
}
