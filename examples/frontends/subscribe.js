// graphql-ws: what happens to a member, as it happens, and again from the last cursor after a break.
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { headers, url } from "./connect.js";

const client = createClient({
  url: url.replace(/^http/, "ws"),
  webSocketImpl: WebSocket,
  connectionParams: headers,
});
const query = `subscription ($id: ID!, $after: String) {
  memberChanged(memberId: $id, after: $after) { cursor waitingFor changes { __typename } member { memberId } }
}`;

async function firstEvent(variables) {
  for await (const { data, errors } of client.iterate({ query, variables })) {
    if (errors) throw new Error(errors[0].extensions.code);
    return data.memberChanged;
  }
}

const event = await firstEvent({ id: process.env.LAUREL_MEMBER });
console.log("event of:", event.member.memberId, "at:", event.cursor);
const again = await firstEvent({ id: process.env.LAUREL_MEMBER, after: event.cursor });
console.log("resumed of:", again.member.memberId);
const refused = await firstEvent({ id: "nobody" }).catch((error) => error);
console.log("refused:", refused[0].extensions.code);
await client.dispose();
