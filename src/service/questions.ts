// What answers questions about counts, all from the same topology, reports and history.
import { AsKnown } from '../counts/as-known.ts';
import { Comparisons } from '../counts/comparison.ts';
import { Counts } from '../counts/counts.ts';
import { DryRuns } from '../counts/dry-runs.ts';
import { EventCounts } from '../counts/event-counts.ts';
import { Explanations } from '../counts/explanations.ts';
import { IntervalsOfSpaces } from '../counts/intervals-of-spaces.ts';
import { Passages } from '../counts/passages.ts';
import { Profiles } from '../counts/profiles.ts';
import { StoredPlaces } from '../counts/stored-places.ts';
import type { EventPages } from '../ports/event-pages.ts';
import type { History } from '../ports/history.ts';
import type { LogPlaces } from '../ports/log-places.ts';
import type { SpaceReports } from '../ports/reports.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import type { Timing } from '../runtime/timing.ts';
import type { TopologyService } from '../topology/topology-service.ts';

interface QuestionsDeps {
  readonly partitions: number;
  readonly topology: TopologyService;
  readonly reports: SpaceReports;
  readonly events: SpaceEventsLog;
  readonly history: History;
  readonly pages: EventPages;
  readonly places: LogPlaces;
  readonly now: () => number;
  readonly timing: Timing;
}

export interface Questions {
  readonly counts: Counts;
  readonly asKnown: AsKnown;
  readonly storedPlaces: StoredPlaces;
  readonly eventCounts: EventCounts;
  readonly explanations: Explanations;
  readonly intervalsOfSpaces: IntervalsOfSpaces;
  readonly passages: Passages;
  readonly profiles: Profiles;
  readonly dryRuns: DryRuns;
  readonly comparisons: Comparisons;
}

export function createQuestions(deps: QuestionsDeps): Questions {
  const { reports, history, pages } = deps;
  const known = { ...deps, topology: deps.topology.history };
  const sources = [known.topology, reports, history] as const;
  const asKnown = new AsKnown(known);
  return {
    counts: new Counts(...sources),
    asKnown,
    storedPlaces: new StoredPlaces(known),
    eventCounts: new EventCounts(...sources, pages),
    explanations: new Explanations(...sources),
    intervalsOfSpaces: new IntervalsOfSpaces(...sources),
    passages: new Passages({ ...deps, asKnown }),
    profiles: new Profiles(...sources),
    dryRuns: new DryRuns(deps),
    comparisons: new Comparisons(deps),
  };
}
