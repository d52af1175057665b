// Relay: a page of members by a connection, a member again by `node`, and documents sent by their ids alone.
import runtime from "relay-runtime";
import { headers, url } from "../connect.js";
import MembersQuery from "./__generated__/membersListQuery.graphql.js";
import MemberQuery from "./__generated__/membersRefetchQuery.graphql.js";

const { Environment, Network, RecordSource, Store, fetchQuery, graphql } = runtime;

// With babel-plugin-relay, components use what `graphql` returns; here the compiler's files are imported.
export const documents = () => [
  graphql`
    fragment membersList_query on Query
    @argumentDefinitions(first: { type: "Int", defaultValue: 2 }, after: { type: "String" })
    @refetchable(queryName: "membersPageQuery") {
      members(first: $first, after: $after) @connection(key: "members_members") {
        edges { node { id ...membersCard_member } }
      }
    }
  `,
  graphql`
    fragment membersCard_member on Member @refetchable(queryName: "membersRefetchQuery") {
      memberId
      memberships { tierKey }
      points { available }
    }
  `,
  graphql`
    query membersListQuery { ...membersList_query }
  `,
];

async function send({ id, text }, variables) {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(id ? { documentId: id, variables } : { query: text, variables }),
  });
  return response.json();
}
const environment = new Environment({ network: Network.create(send), store: new Store(new RecordSource()) });

await fetchQuery(environment, MembersQuery, {}).toPromise();
const records = environment.getStore().getSource();
const members = records.getRecordIDs().filter((id) => records.get(id)?.__typename === "Member");
console.log("members:", members.length);

await fetchQuery(environment, MemberQuery, { id: members[0] }).toPromise();
console.log("again by node:", records.get(members[0]).memberId);
