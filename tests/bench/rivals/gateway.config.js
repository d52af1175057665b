// The graph's query on GraphQL Mesh: the settings of `hive-gateway supergraph`, the runtime that Mesh documents.
//
// Chosen: the gateway's command line with one worker, as it has one core; NODE_ENV=production; its defaults, with
// the pages for people off and no log line per request. The join is Mesh's additional resolvers, which call the
// services by the SDK in their context; `key` and `argsFromKeys` make that one batch per read and request, as a
// dataloader does. Programs rather than @resolveTo, because scores need facts first.
//
// Tried: compiling queries (jit), which changed nothing beyond noise, and the planner of Hive Router, which cannot
// plan fields of additional resolvers.
import { defineConfig } from "@graphql-hive/gateway";

const { PROGRAM_ID: program_id, PROGRAM_DIGEST: program_digest } = process.env;

/** One result of a batch call, selected as said; the calls of a request for one method go together. */
function load(context, info, service, method, key, argsFromKeys, selection) {
  const call = context[service].Query[`laurel_${service.toLowerCase()}_v1_${service}Service_${method}`];
  const valuesFromResults = ({ results }) => results;
  const selectionSet = `{ results { ${selection} } }`;
  return call({ root: {}, context, info, key, argsFromKeys, valuesFromResults, selectionSet });
}

const ofMembers = (member_ids) => ({ input: { program_id, member_ids } });
const factsOf = (ids) => ({ input: { program_id, keys: ids.map((member_id) => ({ member_id })) } });
const scoresOf = (subjects) => ({ input: { program_digest, subjects } });

/** A field of a member that comes by one read. */
const read = (service, method, selection, pick) => ({
  selectionSet: "{ memberId }",
  resolve: async ({ memberId }, _, context, info) =>
    pick(await load(context, info, service, method, memberId, ofMembers, selection)),
});

const scores = {
  selectionSet: "{ memberId }",
  async resolve({ memberId: subject_id }, _, context, info) {
    const facts = "as_of { seconds nanos } facts { name value }";
    const found = await load(context, info, "Members", "BatchGetFacts", subject_id, factsOf, facts);
    const subject = { subject_id, as_of: found.as_of, facts: found.facts };
    const values = "scores { name value_bp label }";
    const scored = await load(context, info, "Scoring", "BatchScore", subject, scoresOf, values);
    return scored.scores.map(({ name, value_bp, label }) => ({ name, valueBp: value_bp, label }));
  },
};

export const gatewayConfig = defineConfig({
  graphiql: false,
  landingPage: false,
  logging: "warn",
  additionalResolvers: {
    Query: {
      async member(_, { id }, context, info) {
        const found = await load(context, info, "Members", "BatchGetMembers", id, ofMembers, "member { member_id }");
        return found.member && { memberId: found.member.member_id };
      },
    },
    Member: {
      memberships: read("Benefits", "BatchGetMemberships", "memberships { tier_set tier }", ({ memberships }) =>
        memberships.map(({ tier_set, tier }) => ({ tierSet: tier_set, tierKey: tier })),
      ),
      scores,
      points: read("Benefits", "BatchGetPointsAccounts", "account { available_points }", ({ account }) => ({
        available: account.available_points,
      })),
      benefits: read("Benefits", "BatchListEntitlements", "entitlements { benefit }", ({ entitlements }) =>
        entitlements.map(({ benefit }) => ({ key: benefit })),
      ),
      risk: read("Risk", "BatchGetRiskProfiles", "profile { integrity }", ({ profile }) => profile),
    },
  },
});
