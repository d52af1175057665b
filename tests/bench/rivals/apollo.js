// The graph's query on Apollo Server, as its documents and those of grpc-js and dataloader set it up.
//
// Chosen: startStandaloneServer, which Apollo recommends where no other framework is needed; NODE_ENV=production,
// which closes introspection and hides stack traces; the caches of documents that are on by default; proto-loader,
// the way that grpc-js documents; one client per service for the life of the process; one dataloader per read and
// request; the caller's token in the metadata of each call. Nothing verifies the token, and nothing limits a query.
import { readFileSync } from "node:fs";

import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { Metadata, credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromObject } from "@grpc/proto-loader";
import DataLoader from "dataloader";

const { HOST, PORT, SERVICES_ADDRESS, PROGRAM_ID, PROGRAM_DIGEST } = process.env;

const typeDefs = `
  type Query {
    member(id: ID!): Member
  }
  type Member {
    memberId: ID!
    memberships: [Membership!]
    scores: [Score!]
    points: Points
    benefits: [Benefit!]
    risk: Risk
  }
  type Membership {
    tierSet: String!
    tierKey: String!
  }
  type Score {
    name: String!
    valueBp: Long
    label: String!
  }
  type Points {
    available: Long!
  }
  type Benefit {
    key: String!
  }
  type Risk {
    integrity: Int!
  }
  "Beyond 32 bits."
  scalar Long
`;

const resolvers = {
  Query: {
    member: (_, { id }, { reads }) => reads.members.load(id),
  },
  Member: {
    memberId: (member) => member.member_id,
    memberships: (member, _, { reads }) => reads.memberships.load(member.member_id),
    scores: (member, _, { reads }) => reads.scores.load(member.member_id),
    points: (member, _, { reads }) => reads.points.load(member.member_id),
    benefits: (member, _, { reads }) => reads.benefits.load(member.member_id),
    risk: (member, _, { reads }) => reads.risk.load(member.member_id),
  },
  Membership: {
    tierSet: (membership) => membership.tier_set,
    tierKey: (membership) => membership.tier,
  },
  Score: { valueBp: (score) => score.value_bp },
  Points: { available: (account) => account.available_points },
  Benefit: { key: (entitlement) => entitlement.benefit },
};

/** A client of one service, of the descriptors that its proto compiles to. */
function client(area, name) {
  const descriptors = JSON.parse(readFileSync(`${area}.json`));
  const options = { longs: Number, enums: String, defaults: true, oneofs: true };
  const { laurel } = loadPackageDefinition(loadFileDescriptorSetFromObject(descriptors, options));
  return new laurel[area].v1[name](SERVICES_ADDRESS, credentials.createInsecure());
}

const members = client("members", "MembersService");
const benefits = client("benefits", "BenefitsService");
const risk = client("risk", "RiskService");
const scoring = client("scoring", "ScoringService");

/** The results of a batch call, in the order of its keys. */
function results(service, method, request, metadata) {
  return new Promise((resolve, reject) => {
    service[method](request, metadata, (error, response) => (error ? reject(error) : resolve(response.results)));
  });
}

/** The loaders of one request. */
function readsOf(metadata) {
  const perMember = (service, method, pick) =>
    new DataLoader(async (memberIds) => {
      const found = await results(service, method, { program_id: PROGRAM_ID, member_ids: memberIds }, metadata);
      return found.map(pick);
    });
  const scores = async (memberIds) => {
    const keys = memberIds.map((member_id) => ({ member_id }));
    const found = await results(members, "BatchGetFacts", { program_id: PROGRAM_ID, keys }, metadata);
    const subjects = found.map(({ as_of, facts }, place) => ({ subject_id: memberIds[place], as_of, facts }));
    const scored = await results(scoring, "BatchScore", { program_digest: PROGRAM_DIGEST, subjects }, metadata);
    return scored.map((each) => each.scores);
  };
  return {
    members: perMember(members, "BatchGetMembers", (result) => result.member),
    memberships: perMember(benefits, "BatchGetMemberships", (result) => result.memberships),
    points: perMember(benefits, "BatchGetPointsAccounts", (result) => result.account),
    benefits: perMember(benefits, "BatchListEntitlements", (result) => result.entitlements),
    risk: perMember(risk, "BatchGetRiskProfiles", (result) => result.profile),
    scores: new DataLoader(scores),
  };
}

await startStandaloneServer(new ApolloServer({ typeDefs, resolvers }), {
  listen: { host: HOST, port: Number(PORT) },
  context: async ({ req }) => {
    const metadata = new Metadata();
    metadata.set("authorization", req.headers.authorization ?? "");
    return { reads: readsOf(metadata) };
  },
});
