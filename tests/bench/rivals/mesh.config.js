// Composes the four services and the join into one supergraph: `mesh-compose -c mesh.config.js -o supergraph.graphql`.
//
// Each service is a subgraph of its own by Mesh's loader for gRPC, at the address that the environment names when the
// gateway runs. The reads of a batch are queries; the caller's token goes into the metadata of each call.
import { defineConfig } from "@graphql-mesh/compose-cli";
import { loadGrpcSubgraph } from "@omnigraph/grpc";

const subgraph = (name) => ({
  sourceHandler: loadGrpcSubgraph(name, {
    endpoint: "{env.SERVICES_ADDRESS}",
    source: { file: `${name.toLowerCase()}.json`, load: {} },
    metaData: { authorization: "{context.headers.authorization}" },
    prefixQueryMethod: ["batch", "get", "list"],
  }),
});

export const composeConfig = defineConfig({
  subgraphs: ["Members", "Benefits", "Risk", "Scoring"].map(subgraph),
  additionalTypeDefs: `
    extend type Query {
      member(id: ID!): Member
    }
    type Member {
      memberId: ID!
      memberships: [Membership!]
      scores: [Score!]
      points: Points
      benefits: [Benefit!]
      risk: Risk
    }
    type Membership {
      tierSet: String!
      tierKey: String!
    }
    type Score {
      name: String!
      valueBp: BigInt
      label: String!
    }
    type Points {
      available: BigInt!
    }
    type Benefit {
      key: String!
    }
    type Risk {
      integrity: Int!
    }
  `,
});
