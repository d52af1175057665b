// How a partner calls: mutual TLS, a deadline for every call, and another attempt where that may help.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

// Laurel's protos, and stand-ins for what they import and npm does not have.
const PROTOS = ["../../../protos", "protos"].map((folder) => fileURLToPath(new URL(folder, import.meta.url)));
const definitions = loadSync(
  ["laurel/members/v1/members.proto", "laurel/benefits/v1/benefits.proto", "google/rpc/error_details.proto"],
  { includeDirs: PROTOS, longs: String, enums: String, defaults: true },
);
const { laurel, google } = grpc.loadPackageDefinition(definitions);
const DETAILS = new Map(
  ["ErrorInfo", "RetryInfo"].map((name) => [`type.googleapis.com/google.rpc.${name}`, google.rpc[name]]),
);

// What may pass by itself. Any other failure would come again for the same request.
const PASSING = new Set([
  grpc.status.UNAVAILABLE,
  grpc.status.DEADLINE_EXCEEDED,
  grpc.status.RESOURCE_EXHAUSTED,
  grpc.status.ABORTED,
]);
const ATTEMPTS_MAX = 8;
const BACKOFF_SECONDS = 0.2;
const BACKOFF_SECONDS_MAX = 5;
const ASKED_SECONDS_MAX = 60;

/** A call that came to nothing: its code, Laurel's reason and facts, and how long we are asked to wait. */
export class Failure extends Error {
  constructor(method, error) {
    const { ErrorInfo, RetryInfo } = details(error);
    const code = grpc.status[error.code];
    const reason = ErrorInfo?.reason ?? code;
    const facts = Object.keys(ErrorInfo?.metadata ?? {}).length ? JSON.stringify(ErrorInfo.metadata) : "";
    super(`${method}: ${reason} (${code}) ${error.details} ${facts}`.trim(), { cause: error });
    this.code = error.code;
    this.reason = reason;
    const { seconds, nanos } = RetryInfo?.retryDelay ?? { seconds: 0, nanos: 0 };
    this.askedSeconds = Number(seconds) + nanos / 1e9;
  }
}

/** The services, for one program. */
export class Laurel {
  /** Both ends show a certificate, and a server's must name its service. The files are named by path. */
  constructor({ program, members, benefits, ca, cert, key, deadlineSeconds }) {
    const credentials = grpc.credentials.createSsl(readFileSync(ca), readFileSync(key), readFileSync(cert));
    this.program = program;
    this.members = new laurel.members.v1.MembersService(members, credentials, named("members"));
    this.benefits = new laurel.benefits.v1.BenefitsService(benefits, credentials, named("benefits"));
    this.deadlineSeconds = deadlineSeconds;
  }

  /** The answer to a request. A write that is sent again has the same requestId, and so counts once. */
  async call(service, method, request) {
    for (let attempt = 1; ; ) {
      let failure;
      try {
        return await answered(service, method, request, this.deadlineSeconds);
      } catch (error) {
        failure = new Failure(method, error);
      }
      const last = attempt === ATTEMPTS_MAX || failure.askedSeconds > ASKED_SECONDS_MAX;
      if (!PASSING.has(failure.code) || last) throw failure;
      const pause = failure.askedSeconds + Math.random() * backoff(attempt);
      attempt += 1;
      console.error(`${failure.message}; attempt ${attempt} of ${ATTEMPTS_MAX} in ${pause.toFixed(1)} s`);
      await sleep(pause * 1000);
    }
  }

  close() {
    this.members.close();
    this.benefits.close();
  }
}

function named(service) {
  return { "grpc.ssl_target_name_override": service };
}

function answered(service, method, request, seconds) {
  const deadline = Date.now() + seconds * 1000;
  return new Promise((resolve, reject) => {
    service[method](request, { deadline }, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

/** The longest wait after an attempt. All of it is jitter, so that tills do not come back together. */
function backoff(attempt) {
  return Math.min(BACKOFF_SECONDS * 2 ** attempt, BACKOFF_SECONDS_MAX);
}

/** What the service says beyond the code, by kind; nothing, when gRPC itself gave up. */
function details(error) {
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  const found = {};
  for (const detail of bytes ? google.rpc.Status.deserialize(bytes).details : []) {
    const kind = DETAILS.get(detail.type_url);
    if (kind) found[kind.type.name] = kind.deserialize(detail.value);
  }
  return found;
}
