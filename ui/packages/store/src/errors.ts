// Errors of the store: RejectedError, StoreClosedError, StoreBrokenError, LiveTimeoutError, ImageError. Invalid args are @runt/schema's.

import type { RejectCode } from "@runt/schema";

/** The backend refused an event for good; nothing of it is recorded, and its effect is gone from the state. */
export class RejectedError extends Error {
  override readonly name = "RejectedError";
  readonly event: string;
  readonly code: RejectCode;

  constructor(event: string, code: RejectCode, message: string) {
    super(`${event} was rejected (${code}): ${message}`);
    this.event = event;
    this.code = code;
  }
}

/** The store was closed before, so it takes nothing more and its open receipts end. */
export class StoreClosedError extends Error {
  override readonly name = "StoreClosedError";

  constructor(what: string) {
    super(`${what}: the store is closed`);
  }
}

/** The log holds an event that the rules cannot apply; the store shows an earlier state and takes nothing more. */
export class StoreBrokenError extends Error {
  override readonly name = "StoreBrokenError";
  readonly seq: number;

  constructor(seq: number, event: string, cause: unknown) {
    super(`event ${seq} (${event}) cannot be applied: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.seq = seq;
  }
}

/** An image of the state cannot be used; the log says the same, only slower. */
export class ImageError extends Error {
  override readonly name = "ImageError";

  constructor(reason: string, cause?: unknown) {
    super(reason, { cause });
  }
}

/** Nobody answered a live message in time, or there is no connection. */
export class LiveTimeoutError extends Error {
  override readonly name = "LiveTimeoutError";
  readonly topic: string;

  constructor(topic: string, reason: string) {
    super(`${topic}: ${reason}`);
    this.topic = topic;
  }
}
