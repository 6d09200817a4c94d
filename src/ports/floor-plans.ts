// Floor plans: images on which spaces and doorways are drawn. Counts do not depend on them. Methods reject if the store cannot be
// reached.
import type { ImageHeader } from '../domain/image-header.ts';
import type { DoorwayId, SpaceId } from '../domain/ids.ts';

/** A place on the image, as fractions of its width and height. */
export interface PlanPoint {
  readonly x: number;
  readonly y: number;
}

export interface PlanImage extends ImageHeader {
  /** The image with this name never changes. */
  readonly name: string;
  readonly bytes: number;
}

export interface FloorPlan {
  readonly id: string;
  readonly name: string;
  /** Null until one is uploaded. */
  readonly image: PlanImage | null;
  readonly spaces: readonly { readonly spaceId: SpaceId; readonly points: readonly PlanPoint[] }[];
  readonly doorways: readonly (PlanPoint & { readonly doorwayId: DoorwayId })[];
  readonly updatedMs: number;
}

export interface StoredFloorPlan {
  readonly plan: FloorPlan;
  /** Increases with each change of what is stored under the id. */
  readonly revision: number;
}

export interface StoredImage {
  readonly name: string;
  readonly storedMs: number;
}

export interface FloorPlanStore {
  plan(id: string): Promise<StoredFloorPlan | undefined>;
  plans(): Promise<FloorPlan[]>;
  /**
   * @param revision of the plan that this one replaces; 0 for a new one
   * @returns false, and changes nothing, if the stored plan has another revision
   */
  putPlan(plan: FloorPlan, revision: number): Promise<boolean>;
  /** @returns false, and changes nothing, if the stored plan has another revision */
  removePlan(id: string, revision: number): Promise<boolean>;
  /** @returns undefined if it does not exist, or is removed while it is read */
  image(name: string): Promise<Uint8Array | undefined>;
  images(): Promise<StoredImage[]>;
  /** Under a name that was never used. */
  addImage(name: string, bytes: Uint8Array): Promise<void>;
  removeImage(name: string): Promise<void>;
  /** Removes what interrupted uploads and removals stored before an instant, and what belongs to no image. */
  removeRemains(beforeMs: number): Promise<void>;
}
