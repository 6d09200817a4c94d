// A large installation, registered by documents as large as the service accepts. Each DPU has a doorway of its own, from
// outside into a space; DPUs are dealt to spaces in turns.

const ENTRIES_MAX = 500_000;
const HEADER = 'kind,name,ingress_space,dpu_id,doorway';

export interface Fleet {
  readonly spaces: number;
  readonly dpuIds: readonly string[];
}

export const fleetOf = (spaces: number, dpus: number): Fleet => ({
  spaces,
  dpuIds: Array.from({ length: dpus }, (_, n) => `dpu-${n}`),
});

/** An empty service gives ids in the order of the document. */
export const spaceOfDpu = ({ spaces }: Fleet, dpu: number): number => (dpu % spaces) + 1;

export async function importSpaces(api: string, { spaces }: Fleet): Promise<void> {
  await importRows(
    api,
    Array.from({ length: spaces }, (_, n) => `space,Room ${n},,,`),
  );
}

export async function importDpus(api: string, { spaces, dpuIds }: Fleet): Promise<void> {
  await importRows(
    api,
    dpuIds.flatMap((id, n) => [`doorway,Door ${n},Room ${n % spaces},,`, `dpu,,,${id},Door ${n}`]),
  );
}

async function importRows(api: string, rows: readonly string[]): Promise<void> {
  for (let from = 0; from < rows.length; from += ENTRIES_MAX) {
    const part = rows.slice(from, from + ENTRIES_MAX);
    const response = await fetch(`${api}/topology/import`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
      body: [HEADER, ...part].join('\n'),
    });
    if (!response.ok) throw new Error(`the import was answered ${response.status}: ${await response.text()}`);
    const { changes_count: changes } = (await response.json()) as { changes_count: number };
    if (changes !== part.length) throw new Error(`the import of ${part.length} entries made ${changes} changes`);
  }
}
