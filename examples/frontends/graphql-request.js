// graphql-request: the smallest client. What went wrong is in `extensions.code`, never in the words of a message.
import { ClientError, GraphQLClient, gql } from "graphql-request";
import { headers, url } from "./connect.js";

const client = new GraphQLClient(url, { headers });

const { members } = await client.request(
  gql`
    query Members($first: Int!) {
      members(first: $first) {
        edges { node { memberId memberships { tierKey } points { available } } }
      }
    }
  `,
  { first: 3 },
);
for (const { node } of members.edges) {
  console.log(node.memberId, node.memberships?.[0]?.tierKey, node.points?.available ?? 0);
}

try {
  await client.request(gql`query Wrong { member(id: "nobody") { memberId } }`);
} catch (error) {
  if (!(error instanceof ClientError)) throw error;
  console.log("refused:", error.response.errors[0].extensions.code);
}
