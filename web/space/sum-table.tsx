// The parts that tables of terms of a count have in common.
import { formatSigned } from '../i18n/format.ts';
import { messages } from '../i18n/i18n.ts';

export function SumHead({ terms }: { readonly terms: string }) {
  return (
    <thead>
      <tr>
        <th scope="col">{terms}</th>
        <th scope="col">{messages.entrances}</th>
        <th scope="col">{messages.exits}</th>
        <th scope="col">{messages.result}</th>
      </tr>
    </thead>
  );
}

/** Exits that did not change the count, because it was 0. */
export function DriftRow({ drift }: { readonly drift: number }) {
  if (drift === 0) return null;
  return (
    <tr>
      <th scope="row" colSpan={3}>
        {messages.ignoredExits}
      </th>
      <td>{formatSigned(drift)}</td>
    </tr>
  );
}
