// A whole installation imported as one CSV document into an empty service in a process of its own: until it is answered,
// and until every router has applied it. Then the same document again, which changes nothing, and the export.
import { setTimeout as sleep } from 'node:timers/promises';
import { allPartitions } from '../src/domain/partition.ts';
import { NatsSpaceEventsLog } from '../src/nats/space-events-log.ts';
import { NatsTopologyLog } from '../src/nats/topology-log.ts';
import { CpuMeter, inCores, type CpuUse } from './support/cpu.ts';
import { grouped, machine, numberFrom, printLine } from './support/output.ts';
import { residentBytes } from './support/process-usage.ts';
import { SERVICE_DEFAULTS, withService, type Processes } from './support/processes.ts';

const DPUS = numberFrom('BENCH_DPUS', 100_000);
const [DOORWAYS, SPACES] = [DPUS / 2, DPUS / 10];
/** One DPU in so many was moved once. */
const MOVED_EVERY = 10;
const WITHIN_MS = 600_000;
const POLL_MS = 20;

function document(): string {
  const rows = ['kind,name,external_id,time_zone,capacity,ingress_space,egress_space,dpu_id,doorway,from'];
  for (let n = 0; n < SPACES; n++) rows.push(`space,Room ${n},B-${n},Europe/Vienna,${n % 100},,,,,`);
  for (let n = 0; n < DOORWAYS; n++)
    rows.push(`doorway,Door ${n},,,,B-${n % SPACES},${n % 2 === 0 ? '' : `Room ${(n + 1) % SPACES}`},,,`);
  for (let n = 0; n < DPUS; n++) {
    rows.push(`dpu,,,,,,,dpu-${n},Door ${Math.floor(n / 2)},`);
    if (n % MOVED_EVERY === 0)
      rows.push(`placement,,,,,,,dpu-${n},Door ${(n * 7) % DOORWAYS},2026-01-01T08:00:00+01:00`);
  }
  return rows.join('\n');
}

async function send(api: string, body: string): Promise<{ changes_count: number }> {
  const response = await fetch(`${api}/topology/import`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body,
  });
  if (!response.ok) throw new Error(`the import was answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as { changes_count: number };
}

/** @returns the entries of the topology log */
async function untilFollowed({ nats: { js, jsm } }: Processes): Promise<number> {
  const [events, end] = [new NatsSpaceEventsLog(js, jsm), await new NatsTopologyLog(js).lastSeq()];
  for (const router of allPartitions(Number(SERVICE_DEFAULTS.PARTITIONS))) {
    const until = performance.now() + WITHIN_MS;
    while (((await events.lastCommit(router)).header?.topologySeq ?? 0) < end) {
      if (performance.now() > until) throw new Error(`router ${router} has not applied the topology`);
      await sleep(POLL_MS);
    }
  }
  return end;
}

const inSeconds = ({ seconds }: CpuUse): string => `${seconds.toFixed(1)} s`;
const cpuOf = (use: CpuUse): string =>
  [...use.cpuSeconds].map(([name, cpu]) => `${name} ${cpu.toFixed(1)} s`).join(', ');

await withService(async (processes) => {
  const { api, pids } = processes;
  const text = document();
  printLine(
    `${grouped(DPUS)} DPUs at ${grouped(DOORWAYS)} doorways of ${grouped(SPACES)} spaces, ${(text.length / 1e6).toFixed(1)} MB of CSV`,
  );
  const before = await residentBytes(pids.service);
  const meter = new CpuMeter(pids);
  const { changes_count: facts } = await send(api, text);
  const answered = meter.read();
  printLine(`answered:  ${inSeconds(answered)}, ${grouped(facts / answered.seconds)} facts/s; CPU ${cpuOf(answered)}`);
  const entries = await untilFollowed(processes);
  const followed = meter.read();
  printLine(
    `followed:  ${inSeconds(followed)}, ${entries} entries of the log; CPU ${cpuOf(followed)}; ${inCores(followed)}`,
  );
  printLine(
    `memory:    ${grouped(before / 1e6)} MB before, ${grouped((await residentBytes(pids.service)) / 1e6)} MB after`,
  );
  const second = new CpuMeter(pids);
  const { changes_count: changes } = await send(api, text);
  printLine(`again:     ${inSeconds(second.read())}, ${changes} changes; CPU ${cpuOf(second.read())}`);
  const third = new CpuMeter(pids);
  const exported = await (await fetch(`${api}/topology/export`, { headers: { accept: 'text/csv' } })).text();
  printLine(
    `export:    ${inSeconds(third.read())}, ${(exported.length / 1e6).toFixed(1)} MB; CPU ${cpuOf(third.read())}`,
  );
  printLine(machine());
});
