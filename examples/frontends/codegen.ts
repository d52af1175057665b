// graphql-codegen: types for every query, and the manifest of documents that production may be held to.
import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "schema.graphql",
  documents: ["typed/*.ts"],
  importExtension: ".js",
  generates: {
    "typed/gql/": {
      preset: "client",
      presetConfig: { persistedDocuments: { hashAlgorithm: "sha256" } },
      config: { scalars: { Long: "number", AmountMinor: "number", DateTime: "string" } },
    },
  },
};
export default config;
