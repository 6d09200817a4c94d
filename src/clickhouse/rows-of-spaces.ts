// Conditions for rows of several spaces at once, with a value of its own for each space. Bind the spaces and their blocks with
// `spacesParams`.
import type { SpaceId } from '../domain/ids.ts';

export const OF_SPACES = 'space_id IN {spaces:Array(UInt32)}';

/** SQL for the value of a row's space. @param values the name of a parameter with a value for each space, in the same order */
export function ofItsSpace(values: string, type: 'UInt64' | 'Int64'): string {
  return `transform(space_id, {spaces:Array(UInt32)}, {${values}:Array(${type})}, to${type}(0))`;
}

/** Each space has a last block of its own. */
export const UP_TO_BLOCKS = `block <= ${ofItsSpace('blocks', 'UInt64')}`;

export function spacesParams(
  spaces: readonly { readonly spaceId: SpaceId; readonly block: number }[],
): Record<string, readonly number[]> {
  return { spaces: spaces.map(({ spaceId }) => spaceId), blocks: spaces.map(({ block }) => block) };
}
