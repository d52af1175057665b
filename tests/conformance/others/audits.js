// GraphQL over HTTP: the audits of graphql-http against the running gateway.
import { serverAudits } from "graphql-http";
import { told } from "./said.js";

const authorization = `Bearer ${process.env.LAUREL_TOKEN}`;
const fetchFn = (url, init = {}) => fetch(url, { ...init, headers: { ...init.headers, authorization } });

for (const audit of serverAudits({ url: process.env.LAUREL_URL, fetchFn })) {
  const result = await audit.fn();
  const status = { ok: "ok", notice: "notice", warn: "warning", error: "error" }[result.status];
  told(status, `${audit.id} ${audit.name}${result.reason ? `: ${result.reason}` : ""}`);
}
