/** For `includeDirs` of @grpc/proto-loader. */
export const PROTOS: string;

/** For the channel option `grpc.service_config`. */
export const SERVICE_CONFIG: string;
