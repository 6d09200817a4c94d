/** The heading of a column whose cells speak for themselves, such as buttons: only for screen readers. */
export function HiddenHeading({ text }: { readonly text: string }) {
  return (
    <th scope="col">
      <span class="visually-hidden">{text}</span>
    </th>
  );
}
