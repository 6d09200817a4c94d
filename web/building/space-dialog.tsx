import { useState } from 'preact/hooks';
import { api, bodyOf } from '../api/client.ts';
import type { Space } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { Dialog } from '../parts/dialog.tsx';
import { FormEnd } from '../parts/form-end.tsx';
import { textOf } from '../use-answer.ts';

interface SpaceDialogProps {
  /** Undefined for a new one. */
  readonly space: Space | undefined;
  readonly onClose: () => void;
  /** @param text what was done */
  readonly onSaved: (text: string) => void;
}

type Fields = Pick<Space, 'name' | 'capacity' | 'time_zone' | 'daily_reset' | 'daily_reset_count'>;

const BROWSER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const NEW: Fields = {
  ...{ name: '', capacity: null, time_zone: BROWSER_ZONE, daily_reset: null, daily_reset_count: 0 },
};

export function SpaceDialog({ space, onClose, onSaved }: SpaceDialogProps) {
  const before: Fields = space ?? NEW;
  const [fields, setFields] = useState(before);
  const [problem, setProblem] = useState<string>();
  const set = (changed: Partial<Fields>): void => setFields((each) => ({ ...each, ...changed }));
  const submit = (event: Event): void => {
    event.preventDefault();
    save(space, before, fields).then(
      ({ name }) => {
        onSaved(space ? messages.spaceChanged(name) : messages.spaceCreated(name));
        onClose();
      },
      (error: unknown) => setProblem(textOf(error)),
    );
  };
  return (
    <Dialog title={space ? messages.editSpace(space.name) : messages.newSpace} onClose={onClose}>
      <form onSubmit={submit}>
        <label class="field">
          <span>{messages.name}</span>
          <input
            required
            maxLength={200}
            autocomplete="off"
            value={fields.name}
            onInput={({ currentTarget: { value } }) => set({ name: value })}
          />
        </label>
        <label class="field">
          <span>{messages.capacityOrNone}</span>
          <input
            type="number"
            min={0}
            step={1}
            value={fields.capacity ?? ''}
            onInput={({ currentTarget: { value } }) => set({ capacity: value === '' ? null : Number(value) })}
          />
        </label>
        <ZoneField value={fields.time_zone} onChange={(zone) => set({ time_zone: zone })} />
        <label class="field">
          <span>{messages.dailyReset}</span>
          <input
            type="time"
            value={fields.daily_reset ?? ''}
            onInput={({ currentTarget: { value } }) => set({ daily_reset: value === '' ? null : value })}
          />
        </label>
        {fields.daily_reset === null ? null : (
          <label class="field">
            <span>{messages.dailyResetCount}</span>
            <input
              type="number"
              required
              min={0}
              step={1}
              value={fields.daily_reset_count}
              onInput={({ currentTarget: { value } }) => set({ daily_reset_count: Number(value) })}
            />
          </label>
        )}
        {space ? <p class="hint">{messages.editSpaceHint}</p> : null}
        <FormEnd problem={problem} submit={messages.save} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

function ZoneField({ value, onChange }: { readonly value: string; readonly onChange: (zone: string) => void }) {
  return (
    <label class="field">
      <span>{messages.timeZone}</span>
      <input
        required
        list="zones"
        autocomplete="off"
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      <datalist id="zones">
        {Intl.supportedValuesOf('timeZone').map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
    </label>
  );
}

/** Sends only what was changed, so that it does not undo what others changed meanwhile. */
async function save(space: Space | undefined, before: Fields, fields: Fields): Promise<Space> {
  if (!space) return bodyOf(api.POST('/spaces', { body: fields }));
  const changed = (Object.keys(fields) as (keyof Fields)[]).filter((name) => fields[name] !== before[name]);
  const body = Object.fromEntries(changed.map((name) => [name, fields[name]]));
  return bodyOf(api.PATCH('/spaces/{id}', { params: { path: { id: space.id } }, body }));
}
