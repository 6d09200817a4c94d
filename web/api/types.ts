// The resources of the API, from the types that are generated from its OpenAPI document.
import type { components } from './schema.d.ts';

type Schemas = components['schemas'];

export type Space = Schemas['Space'];
export type Doorway = Schemas['Doorway'];
export type Dpu = Schemas['Dpu'];
export type UnplacedDpu = Schemas['UnplacedDpu'];
export type Interval = Schemas['Interval'];
export type Explanation = Schemas['Explanation'];
export type Reset = Schemas['Reset'];
export type Revisions = Schemas['Revisions'];
export type Exclusion = Schemas['Exclusion'];
export type Reading = Schemas['Reading'];
export type DeletedReading = Schemas['DeletedReading'];
export type DryRun = Schemas['DryRun'];
export type DeadLetter = Schemas['DeadLetter'];
export type Replay = Schemas['Replay'];
export type FloorPlan = Schemas['FloorPlan'];
export type DisplayScreen = Schemas['Display'];
export type DisplayedSpace = Schemas['DisplayedSpace'];
export type Pairing = Schemas['Pairing'];
export type Principal = Schemas['Principal'];
export type Scope = Principal['scopes'][number];
