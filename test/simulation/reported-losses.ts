// What repairs report of messages that READINGS does not return: each once, and at least those whose readings are lost.
import type { RepairReport } from '../../src/recovery/repair-logs.ts';
import { Oracle } from '../support/oracle.ts';
import type { Engines } from './process.ts';
import { sentIn } from './sent.ts';

type Counted = Oracle['readings'];

export function objectionsToReports(
  { streams, tables }: Pick<Engines, 'streams' | 'tables'>,
  counted: Counted,
): string[] {
  const { readings, topology } = streams;
  const [objections, reported]: [string[], Set<number>] = [[], new Set()];
  let mayBeLost = 0;
  // Where READINGS has lost its end, sequences were used for other messages.
  const isWhole = readings.losses === 0;
  for (const { epoch, report } of tables.reports) {
    const { unreadable, readings: lostEnd } = JSON.parse(report) as RepairReport;
    if (isWhole && lostEnd)
      objections.push(`READINGS has lost nothing, and epoch ${epoch} reports ${lostEnd.messages}`);
    for (const [fromSeq, toSeq] of unreadable?.ranges ?? []) {
      for (let seq = fromSeq; seq <= toSeq; seq++) {
        if (reported.has(seq)) objections.push(`message ${seq} of READINGS was reported again in epoch ${epoch}`);
        reported.add(seq);
      }
    }
    mayBeLost += unreadable?.messages ?? 0;
  }
  if (!isWhole) return objections;
  const idsOf = (some: Counted): string[] => some.map(({ readingId, timestampMs }) => `${readingId} ${timestampMs}`);
  const ids = new Set(idsOf(counted));
  const lost = readings.everything.filter(
    (entry) =>
      readings.isDamaged(entry.seq) &&
      idsOf(new Oracle(sentIn([entry], topology).readings, []).readings).some((id) => !ids.has(id)),
  );
  for (const { seq } of lost)
    if (!reported.has(seq)) objections.push(`READINGS does not return message ${seq}, and nobody was told`);
  for (const seq of reported)
    if (!readings.isDamaged(seq)) objections.push(`message ${seq} of READINGS was reported, and it can be read`);
  if (mayBeLost < lost.length)
    objections.push(`${lost.length} messages of READINGS are lost, and ${mayBeLost} were reported as such`);
  return objections;
}
