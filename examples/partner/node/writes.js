// What the till tells Laurel: its customers and what they bought. Answers are as the journal keeps them.

import { event, name, registration } from "./sales.js";

/** Register the customers of these sales, one of each; those who are members already stay who they are. */
export async function register(laurel, sales, requestId) {
  const { results } = await laurel.call(laurel.members, "RegisterMembers", {
    programId: laurel.program,
    requestId,
    registrations: sales.map(registration),
  });
  return sales.map((sale, index) => ({
    customer: sale.customer,
    member_id: results[index].member?.memberId ?? "",
    created: results[index].created,
    reason: reason(results[index].reason),
  }));
}

/** Record these sales; each is taken or rejected by itself. */
export async function record(laurel, sales, requestId) {
  const { results } = await laurel.call(laurel.members, "RecordEvents", {
    programId: laurel.program,
    requestId,
    events: sales.map(event),
  });
  return sales.map((sale, index) => ({
    sale: name(sale),
    customer: sale.customer,
    outcome: results[index].outcome.replace("EVENT_OUTCOME_", ""),
    reason: reason(results[index].reason),
    detail: results[index].detail,
    seq: Number(results[index].seq),
  }));
}

/** The name of a reason; nothing where there is none. */
function reason(text) {
  return text === "ERROR_REASON_UNSPECIFIED" ? "" : text.replace("ERROR_REASON_", "");
}
