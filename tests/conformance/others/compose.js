// Federation: the gateway as a subgraph composes with another, by the composers of Apollo and The Guild.
import { composeServices } from "@apollo/composition";
import { composeServices as composeByGuild } from "@theguild/federation-composition";
import { expect } from "./said.js";
import { named, ours, second } from "./subgraph.js";

const sdl = await ours();
const services = [named(sdl, "laurel", "http://laurel/"), named(second, "parking", "http://parking/")];

for (const [composer, compose] of [["@apollo/composition", composeServices], ["@theguild/federation-composition", composeByGuild]]) {
  const { supergraphSdl, errors, hints } = compose(services);
  expect(!errors?.length && supergraphSdl.includes("parking"), `${composer} composes`);
  for (const error of errors ?? []) expect(false, `${composer}: ${error.message}`);
  for (const hint of hints ?? []) console.error(`${composer}: ${hint.message}`);
}
