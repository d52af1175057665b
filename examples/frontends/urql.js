// urql: queries by POST, subscriptions over a WebSocket by graphql-ws.
import { Client, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { headers, url } from "./connect.js";

const socket = createClient({
  url: url.replace(/^http/, "ws"),
  webSocketImpl: WebSocket, // browsers have their own
  connectionParams: headers,
});
const client = new Client({
  url,
  preferGetMethod: false, // nothing is executed by GET
  fetchOptions: { headers },
  exchanges: [
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
      }),
    }),
  ],
});

const { data, error } = await client.query(gql`{ members(first: 1) { edges { node { memberId } } } }`, {});
if (error) throw error;
const { memberId } = data.members.edges[0].node;
console.log("member:", memberId);

const subscription = gql`subscription ($id: ID!) { memberChanged(memberId: $id) { cursor member { memberId } } }`;
const { data: event, error: failed } = await new Promise((resolve) => {
  const { unsubscribe } = client.subscription(subscription, { id: memberId }).subscribe((result) => {
    resolve(result);
    setTimeout(() => unsubscribe());
  });
});
if (failed) throw failed;
console.log("first event of:", event.memberChanged.member.memberId);
await socket.dispose();
