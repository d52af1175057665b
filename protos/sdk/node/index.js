// Where the protos are, and the service config by which gRPC makes calls again that may be repeated.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** For `includeDirs` of @grpc/proto-loader. */
export const PROTOS = fileURLToPath(new URL("protos", import.meta.url));

/** For the channel option `grpc.service_config`. */
export const SERVICE_CONFIG = readFileSync(new URL("service_config.json", import.meta.url), "utf8");
