// Apollo Client: automatic persisted queries, pages that are merged, and a cache that knows members by their id.
import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client/core";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { relayStylePagination } from "@apollo/client/utilities";
import { headers, url } from "./connect.js";

const sent = { withText: 0, byHash: 0 };
const counted = (input, init) => {
  sent["query" in JSON.parse(init.body) ? "withText" : "byHash"] += 1;
  return fetch(input, init);
};
const client = new ApolloClient({
  link: ApolloLink.from([
    new PersistedQueryLink({ sha256: (text) => createHash("sha256").update(text).digest("hex") }),
    new HttpLink({ uri: url, headers, fetch: counted }),
  ]),
  cache: new InMemoryCache({
    typePolicies: { Query: { fields: { members: relayStylePagination(["tier"]) } } },
  }),
});

const query = gql`
  query Members($first: Int!, $after: String) {
    members(first: $first, after: $after) {
      edges { cursor node { id memberId points { available } } }
      pageInfo { endCursor hasNextPage }
    }
  }
`;
const first = await client.query({ query, variables: { first: 2 } });
await client.query({
  query,
  variables: { first: 2, after: first.data.members.pageInfo.endCursor },
  fetchPolicy: "network-only", // as fetchMore does; the cache has one list for all pages
});
const { members } = client.readQuery({ query, variables: { first: 2 } });

console.log("members in two pages:", new Set(members.edges.map(({ node }) => node.id)).size);
console.log("sent with their text:", sent.withText, "by hash alone:", sent.byHash);
console.log("cached by id:", Object.keys(client.cache.extract()).filter((key) => key.startsWith("Member:")).length);
client.stop();
