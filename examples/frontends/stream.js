// graphql-sse: the same by server-sent events, where WebSockets do not get through. One request, one subscription.
import { createClient } from "graphql-sse";
import { headers, url } from "./connect.js";

const client = createClient({ url: `${url}/stream`, headers });
const query = `subscription ($id: ID!, $after: String) {
  memberChanged(memberId: $id, after: $after) { cursor member { memberId } }
}`;

async function firstEvent(variables) {
  for await (const { data, errors } of client.iterate({ query, variables })) {
    if (errors) return errors[0].extensions.code;
    return data.memberChanged;
  }
}

const event = await firstEvent({ id: process.env.LAUREL_MEMBER });
console.log("event of:", event.member.memberId, "at:", event.cursor);
console.log("resumed of:", (await firstEvent({ id: process.env.LAUREL_MEMBER, after: event.cursor })).member.memberId);
console.log("refused:", await firstEvent({ id: "nobody" }));
client.dispose();
