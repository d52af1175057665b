// What the gateway says of itself as a subgraph, and a small second one that knows where members may park.
import { parse } from "graphql";

export async function ask(url, query, variables) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${process.env.LAUREL_TOKEN}` },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

export const ours = async () => (await ask(process.env.LAUREL_URL, "{ _service { sdl } }")).data._service.sdl;

export const second = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])

  type Query { garages: [Garage!]! }
  type Garage { name: String!, guests: [Member]! }
  type Member @key(fields: "memberId") { memberId: ID!, parking: String! }
  type Program @key(fields: "key") { key: String!, garages: [Garage!]! }
`;

export const named = (sdl, name, url) => ({ name, url, typeDefs: parse(sdl) });
