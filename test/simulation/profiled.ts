// Compares a profile with the oracle.
import type { Profile } from '../../src/counts/profiles.ts';
import type { SpaceOracle } from '../support/oracle.ts';
import { profileOf } from '../support/profile-oracle.ts';
import { profileTerms } from '../support/profile-terms.ts';

/** @param oracle of the events that the profile is based on */
export function objectionsToProfile(found: Profile, oracle: SpaceOracle): string[] {
  const { startMs, endMs, watermarkMs, isFinal } = found;
  const what = `the profile from ${startMs} to ${endMs}`;
  const [is, shouldBe] = [JSON.stringify(profileTerms(found)), JSON.stringify(profileOf(oracle, startMs, endMs))];
  return [
    ...(is === shouldBe ? [] : [`${what} is ${is}, should be ${shouldBe}`]),
    ...(isFinal === endMs - 1 <= watermarkMs ? [] : [`${what}: final is ${isFinal} at the watermark ${watermarkMs}`]),
  ];
}
