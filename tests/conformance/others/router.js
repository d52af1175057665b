// A router, Apollo Gateway, joins the running gateway with a second subgraph over HTTP, entity by entity.
import { ApolloGateway, RemoteGraphQLDataSource } from "@apollo/gateway";
import { composeServices } from "@apollo/composition";
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { parse } from "graphql";
import { expect } from "./said.js";
import { ask, named, ours, second } from "./subgraph.js";

const member = process.env.LAUREL_MEMBER;
const parking = new ApolloServer({
  schema: buildSubgraphSchema({
    typeDefs: parse(second),
    resolvers: {
      Query: { garages: () => [{ name: "North", guests: [{ memberId: member }, { memberId: `mem_${"0".repeat(32)}` }] }] },
      Member: { __resolveReference: ({ memberId }) => ({ memberId, parking: `bay of ${memberId.slice(0, 7)}` }) },
      Program: { __resolveReference: ({ key }) => ({ key, garages: [{ name: `North of ${key}`, guests: [] }] }) },
    },
  }),
});
const { url: parkingUrl } = await startStandaloneServer(parking, { listen: { host: "127.0.0.1", port: 0 } });

// What the router asks of the gateway is counted: one request for all members of an answer.
const asked = [];
class Forwarding extends RemoteGraphQLDataSource {
  willSendRequest({ request, context }) {
    request.http.headers.set("authorization", context.authorization ?? "");
    asked.push([this.url, request.query]);
  }
}
const { supergraphSdl, errors } = composeServices([
  named(await ours(), "laurel", process.env.LAUREL_URL),
  named(second, "parking", parkingUrl),
]);
if (errors) throw errors[0];
const gateway = new ApolloGateway({
  supergraphSdl,
  buildService: ({ url }) => new Forwarding({ url }),
  logger: { debug() {}, info() {}, warn: console.error, error: console.error },
});
const router = new ApolloServer({ gateway });
const { url } = await startStandaloneServer(router, {
  listen: { host: "127.0.0.1", port: 0 },
  context: async ({ req }) => ({ authorization: req.headers.authorization }),
});

const members = await ask(url, `{ members(first: 3) { edges { node { memberId parking points { available } } } } }`);
const nodes = members.data?.members.edges.map(({ node }) => node) ?? [];
expect(!members.errors && nodes.length === 3 && nodes.every((node) => node.parking === "bay of mem_" + node.memberId.slice(4, 7)), "members of ours, their bays from the other", members);

asked.length = 0;
const joined = await ask(url, `{ garages { name guests { memberId profile { verification } memberships { tierKey } } } }`);
const [found, missing] = joined.data?.garages[0].guests ?? [];
expect(found?.memberships?.length === 1, "guests of the other, their tiers from ours", joined);
expect(missing === null, "a member whom nobody has is null", joined);
const ourRequests = asked.filter(([to]) => to === process.env.LAUREL_URL);
expect(ourRequests.length === 1 && ourRequests[0][1].includes("_entities"), "all entities in one request", asked);

await router.stop();
await parking.stop();
