// Spaces, doorways, DPUs, their placements and resets.
import type Router from '@koa/router';
import type { Context } from 'koa';
import { BEGINNING_MS, END_MS, formatInstant } from '../domain/instant.ts';
import { doorwayAt, placementsOf } from '../domain/placement.ts';
import type { Doorway, Dpu, Reset, Space } from '../domain/topology.ts';
import type { TopologyCommand } from '../domain/topology-command.ts';
import { existing, type TopologyView } from '../domain/topology-history.ts';
import type { TopologyService } from '../topology/topology-service.ts';
import { bodyOf } from './body.ts';
import * as fields from './fields.ts';
import { page } from './page.ts';
import { check } from './problem.ts';

type Doc = Space | Doorway | Dpu | Reset;

const PREFIX = '/api/v1';

export function topologyRoutes(router: Router, topology: TopologyService, now: () => number): void {
  const view = (): TopologyView => topology.history.latest();
  const execute = async <T extends Doc>(command: TopologyCommand): Promise<T> => (await topology.execute(command)).doc as T;
  const created = (ctx: Context, path: string, body: unknown): void => {
    ctx.status = 201;
    ctx.set('location', `${PREFIX}${path}`);
    ctx.body = body;
  };
  spaceRoutes(router, view, execute, created);
  doorwayRoutes(router, view, execute, created);
  dpuRoutes(router, view, execute, created, now);
}

type View = () => TopologyView;
type Execute = <T extends Doc>(command: TopologyCommand) => Promise<T>;
type Created = (ctx: Context, path: string, body: unknown) => void;

function spaceRoutes(router: Router, view: View, execute: Execute, created: Created): void {
  const idOf = (ctx: Context): Space['id'] => check(fields.spaceIdInPath, pathParam(ctx));
  const toFields = ({ name, time_zone: timeZone, daily_reset: dailyReset, capacity }: Partial<ReturnType<typeof spaceBodyOf>>) =>
    defined({ name, timeZone, dailyReset, capacity });
  router.get('/spaces', (ctx) => {
    ctx.body = page(ctx, live(view().spaces())).map(spaceJson);
  });
  router.post('/spaces', async (ctx) => {
    const { name, time_zone: timeZone, daily_reset: dailyReset, capacity } = spaceBodyOf(ctx);
    const space = await execute<Space>({ kind: 'createSpace', fields: { name, timeZone, dailyReset, capacity } });
    created(ctx, `/spaces/${space.id}`, spaceJson(space));
  });
  router.get('/spaces/:id', (ctx) => {
    ctx.body = spaceJson(existing(view().space(idOf(ctx)), `space ${ctx.params.id}`));
  });
  router.put('/spaces/:id', async (ctx) => {
    ctx.body = spaceJson(await execute<Space>({ kind: 'updateSpace', id: idOf(ctx), fields: toFields(spaceBodyOf(ctx)) }));
  });
  router.patch('/spaces/:id', async (ctx) => {
    const patch = check(fields.spacePatch, bodyOf(ctx));
    ctx.body = spaceJson(await execute<Space>({ kind: 'updateSpace', id: idOf(ctx), fields: toFields(defined(patch)) }));
  });
  router.delete('/spaces/:id', async (ctx) => {
    await execute({ kind: 'deleteSpace', id: idOf(ctx) });
    ctx.status = 204;
  });
  router.get('/spaces/:id/resets', (ctx) => {
    const space = existing(view().space(idOf(ctx)), `space ${ctx.params.id}`);
    ctx.body = page(ctx, view().resets(space.id)).map(resetJson);
  });
  router.post('/spaces/:id/resets', async (ctx) => {
    const { timestamp, count } = check(fields.resetBody, bodyOf(ctx));
    const reset = await execute<Reset>({ kind: 'recordReset', spaceId: idOf(ctx), timestampMs: timestamp, count });
    ctx.status = 201;
    ctx.body = resetJson(reset);
  });
}

function doorwayRoutes(router: Router, view: View, execute: Execute, created: Created): void {
  const idOf = (ctx: Context): Doorway['id'] => check(fields.doorwayIdInPath, pathParam(ctx));
  router.get('/doorways', (ctx) => {
    ctx.body = page(ctx, live(view().doorways())).map(doorwayJson);
  });
  router.post('/doorways', async (ctx) => {
    const doorway = await execute<Doorway>({ kind: 'createDoorway', fields: doorwayBodyOf(ctx) });
    created(ctx, `/doorways/${doorway.id}`, doorwayJson(doorway));
  });
  router.get('/doorways/:id', (ctx) => {
    ctx.body = doorwayJson(existing(view().doorway(idOf(ctx)), `doorway ${ctx.params.id}`));
  });
  router.put('/doorways/:id', async (ctx) => {
    ctx.body = doorwayJson(await execute<Doorway>({ kind: 'updateDoorway', id: idOf(ctx), fields: doorwayBodyOf(ctx) }));
  });
  router.patch('/doorways/:id', async (ctx) => {
    const { name, ingress_space_id: ingressSpaceId, egress_space_id: egressSpaceId } = check(fields.doorwayPatch, bodyOf(ctx));
    const changed = defined({ name, ingressSpaceId, egressSpaceId });
    ctx.body = doorwayJson(await execute<Doorway>({ kind: 'updateDoorway', id: idOf(ctx), fields: changed }));
  });
  router.delete('/doorways/:id', async (ctx) => {
    await execute({ kind: 'deleteDoorway', id: idOf(ctx) });
    ctx.status = 204;
  });
}

function dpuRoutes(router: Router, view: View, execute: Execute, created: Created, now: () => number): void {
  const idOf = (ctx: Context): Dpu['id'] => check(fields.dpuId, pathParam(ctx));
  const json = (dpu: Dpu): object => dpuJson(dpu, now());
  router.get('/dpus', (ctx) => {
    ctx.body = page(ctx, live(view().dpus())).map(json);
  });
  router.post('/dpus', async (ctx) => {
    const { id, doorway_id: doorwayId, effective_at: effectiveMs } = check(fields.dpuBody, bodyOf(ctx));
    const dpu = await execute<Dpu>({ kind: 'createDpu', id, doorwayId, effectiveMs });
    created(ctx, `/dpus/${dpu.id}`, json(dpu));
  });
  router.get('/dpus/:id', (ctx) => {
    ctx.body = json(existing(view().dpu(idOf(ctx)), `DPU ${ctx.params.id}`));
  });
  for (const method of ['put', 'patch'] as const) {
    router[method]('/dpus/:id', async (ctx) => {
      const { doorway_id: given, effective_at: effectiveMs } = check(fields.dpuPatch, bodyOf(ctx));
      const dpu = existing(view().dpu(idOf(ctx)), `DPU ${ctx.params.id}`);
      const doorwayId = given === undefined && method === 'patch' ? doorwayAt(dpu.placements, now()) : given ?? null;
      ctx.body = json(await execute<Dpu>({ kind: 'placeDpu', id: dpu.id, doorwayId, effectiveMs }));
    });
  }
  router.delete('/dpus/:id', async (ctx) => {
    const { effective_at: effectiveMs } = check(fields.dpuDelete, ctx.query);
    await execute({ kind: 'deleteDpu', id: idOf(ctx), effectiveMs });
    ctx.status = 204;
  });
  router.get('/dpus/:id/placements', (ctx) => {
    const dpu = existing(view().dpu(idOf(ctx)), `DPU ${ctx.params.id}`);
    ctx.body = page(ctx, placementsOf(dpu.placements)).map(({ doorwayId, fromMs, toMs }) => ({
      doorway_id: doorwayId,
      from: fromMs === BEGINNING_MS ? null : formatInstant(fromMs),
      to: toMs === END_MS ? null : formatInstant(toMs),
    }));
  });
}

function spaceBodyOf(ctx: Context) {
  return check(fields.spaceBody, bodyOf(ctx));
}

function doorwayBodyOf(ctx: Context) {
  const { name, ingress_space_id: ingressSpaceId, egress_space_id: egressSpaceId } = check(fields.doorwayBody, bodyOf(ctx));
  return { name, ingressSpaceId, egressSpaceId };
}

function pathParam(ctx: Context): unknown {
  return (ctx as Context & { params: Record<string, string> }).params['id'];
}

function live<T extends { readonly deleted: boolean }>(docs: readonly T[]): T[] {
  return docs.filter((doc) => !doc.deleted);
}

/** Without the keys that are undefined: absent means "leave it". */
function defined<T extends object>(object: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}

const stamps = ({ createdMs, updatedMs }: Space | Doorway | Dpu): object => ({ created_at: formatInstant(createdMs), updated_at: formatInstant(updatedMs) });

function spaceJson(space: Space): object {
  const { id, name, timeZone, dailyReset, capacity } = space;
  return { id, name, time_zone: timeZone, daily_reset: dailyReset, capacity, ...stamps(space) };
}

function doorwayJson(doorway: Doorway): object {
  const { id, name, ingressSpaceId, egressSpaceId } = doorway;
  return { id, name, ingress_space_id: ingressSpaceId, egress_space_id: egressSpaceId, ...stamps(doorway) };
}

function dpuJson(dpu: Dpu, nowMs: number): object {
  return { id: dpu.id, doorway_id: doorwayAt(dpu.placements, nowMs), ...stamps(dpu) };
}

function resetJson({ timestampMs, count, recordedMs }: Reset): object {
  return { timestamp: formatInstant(timestampMs), count, recorded_at: formatInstant(recordedMs) };
}
