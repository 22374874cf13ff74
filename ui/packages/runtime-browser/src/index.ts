// The public surface of a runtime in the page; React's part is in ./react.

export { BootTimeoutError, BrowserRuntimeError, DistributionError } from "./errors";
export { openFrame } from "./open-frame";
export {
  BrowserRuntime,
  type BrowserRuntimeOptions,
  type PageSurroundings,
  type RuntimeHome,
  type RuntimeKind,
  type StartOptions,
} from "./runtime";
export type { RuntimeProgress, RuntimeState, RuntimeStatus } from "./state";
export { type ArtifactUploads, HttpUploads } from "./uploads";
export type { OpenWorker, WorkerEvents, WorkerHandle } from "./worker-handle";
