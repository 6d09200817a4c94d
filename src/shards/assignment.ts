// Assigns shards to members, from the live members alone: every process that sees the same members computes the same
// result, so no coordinator is needed. Highest random weight (Thaler and Ravishankar, 1998) with a bound: a member
// gets at most its fair share, so shares differ by one at most, and a member that joins or leaves moves few shards
// besides the ones it gains or loses.

export interface Assignment {
  /** By shard. Empty when there is no member. */
  readonly owners: readonly string[];
  /** By shard: the member that would own it if its owner left; undefined if there is no other member. */
  readonly standbys: readonly (string | undefined)[];
}

export function assignShards(shards: number, members: readonly string[]): Assignment {
  const owners = ownersOf(shards, members);
  // Computed once per member rather than once per shard, because a crash concerns all shards of a member.
  const without = new Map(
    members.map((leaving) => [
      leaving,
      ownersOf(
        shards,
        members.filter((member) => member !== leaving),
      ),
    ]),
  );
  return { owners, standbys: owners.map((owner, shard) => without.get(owner)?.[shard]) };
}

function ownersOf(shards: number, members: readonly string[]): string[] {
  if (members.length === 0) return [];
  const larger = Math.ceil(shards / members.length);
  // Members that may own one shard more than the others.
  let mayBeLarger = shards % members.length || members.length;
  const held = new Map(members.map((member) => [member, 0]));
  return Array.from({ length: shards }, (_, shard) => {
    const ranked = [...members].sort((a, b) => weight(b, shard) - weight(a, shard) || (a < b ? -1 : 1));
    const owner = ranked.find((member) => {
      const count = held.get(member) ?? 0;
      return count < larger - 1 || (count === larger - 1 && mayBeLarger > 0);
    });
    if (owner === undefined) throw new Error('the shares of the members do not add up');
    const count = (held.get(owner) ?? 0) + 1;
    held.set(owner, count);
    if (count === larger) mayBeLarger -= 1;
    return owner;
  });
}

/** A hash of which every bit depends on the whole input (FNV-1a, finished as in MurmurHash3). */
function weight(member: string, shard: number): number {
  let hash = 0x811c9dc5;
  for (const char of `${shard} ${member}`) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
