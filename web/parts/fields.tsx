// The fields of forms, each with its label.

interface FieldProps<T> {
  readonly label: string;
  readonly value: T;
  readonly onChange: (value: T) => void;
}

interface TextFieldProps extends FieldProps<string> {
  readonly maxLength?: number;
  readonly isOptional?: boolean;
}

export function TextField({ label, value, onChange, maxLength = 200, isOptional = false }: TextFieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type="text"
        required={!isOptional}
        maxLength={maxLength}
        autocomplete="off"
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  );
}

interface CountFieldProps extends FieldProps<number | null> {
  readonly isOptional?: boolean;
}

/** A number of people; null if it is empty. */
export function CountField({ label, value, onChange, isOptional = false }: CountFieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type="number"
        required={!isOptional}
        min={0}
        step={1}
        value={value ?? ''}
        onInput={({ currentTarget: { value: text } }) => onChange(text === '' ? null : Number(text))}
      />
    </label>
  );
}

interface TimeFieldProps extends FieldProps<string> {
  readonly hasSeconds?: boolean;
}

/** A local time, such as 2026-07-01T14:00. */
export function TimeField({ label, value, onChange, hasSeconds = false }: TimeFieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type="datetime-local"
        required
        step={hasSeconds ? 1 : 60}
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  );
}

interface ChoiceFieldProps extends FieldProps<string> {
  readonly choices: readonly { readonly value: string; readonly text: string }[];
}

/** The choice with an empty value stands for none: the form cannot be sent with it if the field is required. */
export function ChoiceField({ label, value, onChange, choices }: ChoiceFieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <select required value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.text}
          </option>
        ))}
      </select>
    </label>
  );
}

interface ImageFieldProps {
  readonly label: string;
  readonly isOptional?: boolean;
  readonly onChange: (file: File | undefined) => void;
}

export function ImageField({ label, isOptional = false, onChange }: ImageFieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type="file"
        required={!isOptional}
        accept="image/png,image/jpeg,image/webp"
        onChange={(event) => onChange(event.currentTarget.files?.[0])}
      />
    </label>
  );
}
