// The order in which containers became healthy.
import { expect } from 'vitest';
import type { ComposeProject } from './compose-project.ts';

/** Nodes of the service start only once all engines are healthy, and become healthy themselves. */
export function expectHealthyInOrder(
  project: ComposeProject,
  engines: readonly string[],
  nodes: readonly string[],
): void {
  const first = (service: string, action: string): number => {
    const at = project.events.findIndex((event) => event.service === service && event.action === action);
    expect(at, `${service} ${action}`).toBeGreaterThanOrEqual(0);
    return at;
  };
  for (const node of nodes) {
    for (const engine of engines) expect(first(engine, 'healthy'), engine).toBeLessThan(first(node, 'start'));
    expect(first(node, 'start')).toBeLessThan(first(node, 'healthy'));
  }
}
