// What a service holds in memory, without garbage: it collects when it gets SIGUSR2, and prints what remains.
import type { DensityProcess } from '../../test/support/density-process.ts';
import { SERVICE_DEFAULTS } from './processes.ts';

const CODE = `let count = 0;
process.on('SIGUSR2', () => {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  process.stderr.write('collected ' + ++count + ': ' + heapUsed + ' ' + external + '\\n');
});`;

/** Settings with which a service can be asked. */
export const COLLECTING = {
  NODE_OPTIONS: `${SERVICE_DEFAULTS.NODE_OPTIONS} --expose-gc --import=data:text/javascript,${encodeURIComponent(CODE)}`,
};

/** How often a process was asked. */
const asked = new WeakMap<DensityProcess, number>();

/** @returns bytes on and off the heap. */
export async function collectedBytes(service: DensityProcess): Promise<number> {
  const nth = (asked.get(service) ?? 0) + 1;
  asked.set(service, nth);
  service.child.kill('SIGUSR2');
  const [, heap, external] = await service.waitForOutput(new RegExp(`collected ${nth}: (\\d+) (\\d+)`));
  return Number(heap) + Number(external);
}
