// The public surface of the page's store; React's part is in ./react.

export { type Clock, type RandomSource, systemClock } from "./clock";
export type { Socket, SocketFactory, SocketHandlers } from "./connection";
export type { Wasm } from "./database";
export { LiveTimeoutError, RejectedError, StoreBrokenError, StoreClosedError } from "./errors";
export type { User } from "./frames";
export type { GuestStore } from "./guest";
export { Keeping, type KeptNotebook } from "./indexed-db/keeping";
export type { Person } from "./indexed-db/tables";
export type { Keeper, OpenKeeper } from "./keeper";
export type { LiveHandler, LiveMessage } from "./live";
export { type Applied, PendingReceipts, type Receipt } from "./receipts";
export type { Witnessed } from "./replica";
export type { ReadOptions, RuntimeGuest, RuntimeStore, StoreStatus, Unsubscribe } from "./runtime-store";
export { createStore, type Store, type StoreOptions, type Watched } from "./store";
export type { TextHandle } from "./subscriptions";
