interface RowButtonProps {
  readonly text: string;
  /** What the row is about: all buttons of a column have the same text, and a screen reader has to tell them apart. */
  readonly row: string;
  readonly onClick: () => void;
}

export function RowButton({ text, row, onClick }: RowButtonProps) {
  return (
    <button type="button" class="button" aria-label={`${text} ${row}`} onClick={onClick}>
      {text}
    </button>
  );
}
