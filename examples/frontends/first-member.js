// The id of a member to try things with.
import { GraphQLClient } from "graphql-request";
import { headers, url } from "./connect.js";

const client = new GraphQLClient(url, { headers });
const { members } = await client.request("{ members(first: 1) { edges { node { memberId } } } }");
console.log(members.edges[0].node.memberId);
