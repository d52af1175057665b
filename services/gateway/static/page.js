// The GraphiQL page: takes a token from the address, opens with an example and runs it.
"use strict";

const EXAMPLE = `# Five gold members: their tier, the reasons
# for it, and the points that they earned.
# The triangle (Ctrl-Enter) runs the query; the
# book on the left explains every name.
query GoldMembers {
  members(first: 5, tier: "gold") {
    edges {
      node {
        memberId
        memberships {
          tier { key name { zh en } rank }
          since
          progress {
            tier { key }
            gaps { metric value threshold missing }
          }
          decision {
            outcome
            asOf
            reasons {
              code
              zh: text(locale: ZH)
              en: text(locale: EN)
            }
            rules { tier metric op threshold value met margin }
          }
        }
        points {
          available
          entries(first: 3) {
            seq
            points
            balanceAfter
            occurredTime
            externalRef
            earnings { rule amountMinor multiplierBp tier points }
          }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`;

// Everything is kept for this browser tab only, the token too: closing the tab forgets it.
const storage = window.sessionStorage;

function tokenFromAddress() {
  const token = new URLSearchParams(window.location.hash.slice(1)).get("token");
  if (window.location.hash) {
    window.history.replaceState(null, "", window.location.pathname + window.location.search);
  }
  return token;
}

// Subscriptions come over a WebSocket at the same address, which is told the same headers.
const fetcher = GraphiQL.createFetcher({
  url: "/graphql",
  subscriptionUrl: `${window.location.origin.replace(/^http/, "ws")}/graphql`,
  headers: { Accept: "application/graphql-response+json, application/json" },
  enableIncrementalDelivery: false,
});

function headersWith(token) {
  return JSON.stringify({ Authorization: `Bearer ${token ?? "paste a token here"}` }, null, 2);
}

// GraphiQL has no way to say "run now", so its own button is pressed once the editors stand.
function runWhenReady(triesLeft = 50) {
  const button = document.querySelector("button.graphiql-execute-button");
  if (button && document.querySelector(".graphiql-query-editor .CodeMirror")) {
    button.click();
  } else if (triesLeft > 0) {
    setTimeout(runWhenReady, 100, triesLeft - 1);
  }
}

// Tabs that were open before a reload come back with their headers; a new token starts anew.
const token = tokenFromAddress();
if (token) {
  storage.clear();
}
const fresh = storage.getItem("graphiql:tabState") === null;

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    storage,
    defaultQuery: EXAMPLE,
    defaultHeaders: fresh ? headersWith(token) : undefined,
    shouldPersistHeaders: true,
    isHeadersEditorEnabled: true,
    defaultEditorToolsVisibility: fresh && !token ? "headers" : undefined,
  }),
);
if (token) {
  runWhenReady();
}
