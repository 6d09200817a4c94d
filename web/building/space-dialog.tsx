import { useState } from 'preact/hooks';
import { api, bodyOf } from '../api/client.ts';
import type { Space } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { BROWSER_ZONE } from '../i18n/zoned-time.ts';
import { CountField, TextField } from '../parts/fields.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';

interface SpaceDialogProps {
  /** Undefined for a new one. */
  readonly space: Space | undefined;
  readonly onClose: () => void;
  /** @param text what was done */
  readonly onSaved: (text: string) => void;
}

type Fields = Pick<Space, 'name' | 'capacity' | 'time_zone' | 'daily_reset' | 'daily_reset_count'>;

const NEW: Fields = {
  ...{ name: '', capacity: null, time_zone: BROWSER_ZONE, daily_reset: null, daily_reset_count: 0 },
};

export function SpaceDialog({ space, onClose, onSaved }: SpaceDialogProps) {
  const before: Fields = space ?? NEW;
  const [fields, setFields] = useState(before);
  const set = (changed: Partial<Fields>): void => setFields((each) => ({ ...each, ...changed }));
  const submit = async (): Promise<string> => {
    const { name } = await save(space, before, fields);
    return space ? messages.spaceChanged(name) : messages.spaceCreated(name);
  };
  return (
    <FormDialog
      title={space ? messages.editSpace(space.name) : messages.newSpace}
      submit={messages.save}
      onSubmit={submit}
      onDone={onSaved}
      onClose={onClose}
    >
      <TextField label={messages.name} value={fields.name} onChange={(name) => set({ name })} />
      <CountField
        label={messages.capacityOrNone}
        isOptional
        value={fields.capacity}
        onChange={(capacity) => set({ capacity })}
      />
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
        <CountField
          label={messages.dailyResetCount}
          value={fields.daily_reset_count}
          onChange={(count) => set({ daily_reset_count: count ?? 0 })}
        />
      )}
      {space ? <p class="hint">{messages.editSpaceHint}</p> : null}
    </FormDialog>
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
