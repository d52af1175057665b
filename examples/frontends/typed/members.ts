// A typed query, and the same asked for by its id: `documentId` is what codegen has put into the manifest.
import { GraphQLClient } from "graphql-request";
import { headers, url } from "../connect.js";
import { graphql } from "./gql/index.js";
import type { MembersQuery } from "./gql/graphql.js";

const document = graphql(`
  query Members($first: Int!) {
    members(first: $first) { edges { node { memberId profile { verification } points { available } } } }
  }
`);

const client = new GraphQLClient(url, { headers });
const { members } = await client.request(document, { first: 2 });
for (const { node } of members?.edges ?? []) {
  const available: number = node.points?.available ?? 0;
  console.log(node.memberId, node.profile.verification, available);
}

const { hash: documentId } = (document as unknown as { __meta__: { hash: string } }).__meta__;
const response = await fetch(url, {
  method: "POST",
  headers: { ...headers, "content-type": "application/json", accept: "application/graphql-response+json" },
  body: JSON.stringify({ documentId, variables: { first: 2 } }),
});
type Answer = { data?: MembersQuery; errors?: { extensions: { code: string } }[] };
const { data, errors }: Answer = await response.json();
// PERSISTED_QUERY_NOT_FOUND where the gateway was not given the manifest.
console.log("by id:", data?.members?.edges.length ?? errors?.[0].extensions.code);
