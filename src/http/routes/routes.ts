// The table of all routes below /api/v1.
import packageJson from '../../../package.json' with { type: 'json' };
import { accountRoutes } from './account-routes.ts';
import { auditRoutes } from './audit-routes.ts';
import type { Service } from '../../service.ts';
import { countsRoutes } from './counts-routes.ts';
import { devicesRoutes } from './devices-routes.ts';
import { deletedReadingsRoutes } from './deleted-readings-routes.ts';
import { displaysRoutes } from './displays-routes.ts';
import { docsRoutes } from './docs-routes.ts';
import { deadLettersRoutes } from './dead-letters-routes.ts';
import { doorwaysRoutes } from './doorways-routes.ts';
import { dpusRoutes } from './dpus-routes.ts';
import { exportsRoutes } from './exports-routes.ts';
import { exclusionsRoutes } from './exclusions-routes.ts';
import { explainRoutes } from './explain-routes.ts';
import { eventCountsRoutes } from './event-counts-routes.ts';
import { floorPlansRoutes } from './floor-plans-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { ingestRoutes } from './ingest-routes.ts';
import { intervalsRoutes } from './intervals-routes.ts';
import { profileRoutes } from './profile-routes.ts';
import { revisionsRoutes } from './revisions-routes.ts';
import { messagesRoutes } from './messages-routes.ts';
import { passagesRoutes } from './passages-routes.ts';
import { placementsRoutes } from './placements-routes.ts';
import { principalRoutes } from './principal-routes.ts';
import { publicDisplayRoutes } from './public-display-routes.ts';
import { readingsRoutes } from './readings-routes.ts';
import { resetsRoutes } from './resets-routes.ts';
import type { Route } from './route.ts';
import { spacesRoutes } from './spaces-routes.ts';
import { storedReadingsRoutes } from './stored-readings-routes.ts';
import { streamRoutes } from './stream-routes.ts';
import { topologyRoutes } from './topology-routes.ts';
import { unplacedDpusRoutes } from './unplaced-dpus-routes.ts';
import { Displays } from '../auth/displays.ts';
import { FloorPlans } from '../floor-plans.ts';
import { PairingLimits } from '../auth/pairing-limits.ts';
import { TopologyReads } from '../topology-reads.ts';
import { retryAfterCatchUp } from '../middleware/retry-after-catch-up.ts';

/** The parts of the service that the routes use. */
export type RouteDeps = Pick<
  Service,
  | 'topology'
  | 'live'
  | 'counts'
  | 'asKnown'
  | 'eventCounts'
  | 'storedPlaces'
  | 'explanations'
  | 'intervalsOfSpaces'
  | 'passages'
  | 'profiles'
  | 'dryRuns'
  | 'stores'
  | 'accounts'
  | 'comparisons'
  | 'readings'
  | 'deadLetters'
  | 'bound'
  | 'health'
  | 'losses'
> & {
  readonly options: Pick<Service['options'], 'heartbeatMs'>;
};

export function apiRoutes(service: RouteDeps, now: () => number): Route[] {
  const {
    topology,
    counts,
    asKnown,
    readings,
    bound,
    options: { heartbeatMs },
  } = service;
  const pairing = {
    displays: new Displays(() => service.stores.displays, now),
    limits: new PairingLimits(),
    topology: topology.history,
  };
  const reads = new TopologyReads(topology.history, now);
  const routes = [
    ...healthRoutes(service),
    ...principalRoutes(),
    ...accountRoutes(service),
    ...spacesRoutes(topology, reads),
    ...resetsRoutes(service, reads),
    ...doorwaysRoutes(service, reads),
    ...dpusRoutes(service, reads, now),
    ...unplacedDpusRoutes({ pages: service.stores.eventPages, log: readings, topology: topology.history, now }),
    ...messagesRoutes(readings),
    ...devicesRoutes(topology, reads),
    ...placementsRoutes(reads),
    ...exclusionsRoutes(service, reads),
    ...topologyRoutes(service, reads, now),
    ...auditRoutes(topology),
    ...readingsRoutes({ log: readings, topology: topology.history, bound, now }),
    ...ingestRoutes({ log: readings, topology: topology.history, now }),
    ...storedReadingsRoutes({ pages: service.stores.eventPages, places: service.storedPlaces }),
    ...deletedReadingsRoutes(service, reads, service.stores.eventPages),
    ...deadLettersRoutes(service.deadLetters, {
      ...{ deadLetters: service.deadLetters, log: readings, topology, bound, now },
    }),
    ...eventCountsRoutes({
      ...{ eventCounts: service.eventCounts, asKnown, topology: topology.history, now },
      ...{ pages: service.stores.eventPages, places: service.storedPlaces },
    }),
    ...countsRoutes({ counts, asKnown, topology: topology.history, now }),
    ...explainRoutes({ explanations: service.explanations, asKnown, now }),
    ...profileRoutes({ profiles: service.profiles, asKnown, topology: topology.history, now }),
    ...revisionsRoutes({ asKnown, now }),
    ...streamRoutes(service.live, topology.history, heartbeatMs),
    ...displaysRoutes({ ...pairing, now }),
    ...floorPlansRoutes({ plans: new FloorPlans(() => service.stores.floorPlans, now), topology }),
    ...publicDisplayRoutes({ ...pairing, live: service.live, heartbeatMs }),
    ...intervalsRoutes({
      ...{ counts, asKnown, intervalsOfSpaces: service.intervalsOfSpaces },
      ...{ topology: topology.history, now },
    }),
    ...exportsRoutes({
      ...{ counts, eventCounts: service.eventCounts, eventPages: service.stores.eventPages },
      ...{ topology: topology.history, now },
    }),
    ...passagesRoutes({ passages: service.passages, topology: topology.history, now }),
  ].map((route) => retryAfterCatchUp(route, topology));
  return [...routes, ...docsRoutes(routes, packageJson.version)];
}
