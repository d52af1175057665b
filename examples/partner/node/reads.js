// What has become of members: the tier they hold, what they spent, and their points.

import { setTimeout as sleep } from "node:timers/promises";

const KEYS_MAX = 500;
const DECIDED_SECONDS_MAX = 60;
const POLL_SECONDS = 0.5;
const SPEND = "purchase.amount_minor.lifetime";

/** Something that is recorded cannot be read now, or has not had its effect yet. Later it can. */
export class NotReadableError extends Error {}

/** What has become of members, once their events up to `seqs` (a Map) have been decided on. */
export async function standings(laurel, memberIds, seqs) {
  const found = [];
  for (let start = 0; start < memberIds.length; start += KEYS_MAX) {
    const ids = memberIds.slice(start, start + KEYS_MAX);
    const held = await tiers(laurel, ids, seqs);
    const [spent, available] = await Promise.all([spend(laurel, ids), points(laurel, ids)]);
    found.push(...held.map((tier, index) => ({ tier, spendMinor: spent[index], points: available[index] })));
  }
  return found;
}

/** The tier of each in the first tier set of the program. */
async function tiers(laurel, ids, seqs) {
  const giveUp = performance.now() + DECIDED_SECONDS_MAX * 1000;
  for (;;) {
    const request = { programId: laurel.program, memberIds: ids };
    const results = read(await laurel.call(laurel.benefits, "BatchGetMemberships", request));
    const held = results.map(({ memberships: [first] }) => first);
    const behind = ids.filter((id, index) => Number(held[index]?.appliedSeq ?? 0) < (seqs.get(id) ?? 0));
    if (behind.length === 0) return held.map((membership) => membership?.tier ?? "none");
    if (performance.now() > giveUp) {
      const many = `the sales of ${behind.length} members`;
      throw new NotReadableError(`${many} are recorded, and not decided on yet`);
    }
    await sleep(POLL_SECONDS * 1000);
  }
}

/** What each spent, less refunds, in minor units. */
async function spend(laurel, ids) {
  const request = { programId: laurel.program, keys: ids.map((memberId) => ({ memberId })), names: [SPEND] };
  const results = read(await laurel.call(laurel.members, "BatchGetFacts", request));
  return results.map(({ facts }) => facts.reduce((sum, fact) => sum + BigInt(fact.value), 0n));
}

/** The points that each may spend; an account comes with the first points. */
async function points(laurel, ids) {
  const request = { programId: laurel.program, memberIds: ids };
  const results = read(await laurel.call(laurel.benefits, "BatchGetPointsAccounts", request));
  return results.map(({ account }) => BigInt(account?.availablePoints ?? 0));
}

/** The results, when each key was read. What is MISSING was read as well: there is none. */
function read({ results }) {
  const failed = results.filter(({ status }) => status === "LOOKUP_STATUS_ERROR").length;
  if (failed) throw new NotReadableError(`${failed} of ${results.length} members could not be read`);
  return results;
}
