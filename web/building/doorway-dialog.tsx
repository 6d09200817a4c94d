import { useState } from 'preact/hooks';
import { allPages, api, bodyOf } from '../api/client.ts';
import type { Doorway, Space } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { Dialog } from '../parts/dialog.tsx';
import { FormEnd } from '../parts/form-end.tsx';
import { textOf, useAnswer } from '../use-answer.ts';

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
  const [problem, setProblem] = useState<string>();
  const submit = (event: Event): void => {
    event.preventDefault();
    if (!doorway && from === to) return setProblem(messages.sameSides);
    const saving = doorway
      ? bodyOf(api.PATCH('/doorways/{id}', { params: { path: { id: doorway.id } }, body: { name } }))
      : bodyOf(api.POST('/doorways', { body: { name, egress_space_id: from, ingress_space_id: to } }));
    saving.then(
      () => {
        onSaved(doorway ? messages.doorwayChanged(name) : messages.doorwayCreated(name));
        onClose();
      },
      (error: unknown) => setProblem(textOf(error)),
    );
  };
  return (
    <Dialog title={doorway ? messages.editDoorway(doorway.name) : messages.newDoorway} onClose={onClose}>
      <form onSubmit={submit}>
        <label class="field">
          <span>{messages.name}</span>
          <input
            required
            maxLength={200}
            autocomplete="off"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        {doorway ? null : <Sides from={from} to={to} onFrom={setFrom} onTo={setTo} />}
        <FormEnd problem={problem} submit={messages.save} onCancel={onClose} />
      </form>
    </Dialog>
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

function Side({ text, spaces, value, onChange }: SideProps) {
  return (
    <label class="field">
      <span>{text}</span>
      <select value={value ?? ''} onChange={(event) => onChange(Number(event.currentTarget.value) || null)}>
        <option value="">{messages.outside}</option>
        {spaces.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
