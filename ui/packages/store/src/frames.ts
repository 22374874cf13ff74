// The frames of the sync protocol as this end sends and takes them, and the check of what came.

import type { ByeCode, Json, Limits, LogEvent, RejectCode } from "@runt/schema";

/** Who the backend takes this client for. */
export interface User {
  readonly id: string;
  readonly name: string;
  readonly role: string;
}

export interface LiveFrame {
  readonly t: "live";
  readonly topic: string;
  readonly data: Json;
  readonly from: { readonly session: string; readonly user: string };
  readonly to?: string;
  readonly id?: string;
}

/** An image of the state after event `seq`, which a store without one may begin from. */
export interface ImageOffer {
  readonly seq: number;
  /** A path on the same server. */
  readonly url: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface PushedEvent {
  readonly n: number;
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export type ClientFrame =
  | {
      readonly t: "hello";
      readonly session: string;
      readonly rules: string;
      readonly schema: string;
      readonly backend?: string;
      readonly head?: number;
      readonly snapshot?: true;
    }
  | { readonly t: "from"; readonly head: number }
  | { readonly t: "push"; readonly session?: string; readonly events: readonly PushedEvent[] }
  | { readonly t: "live"; readonly topic: string; readonly data: Json; readonly to?: string; readonly id?: string }
  | { readonly t: "pong" };

export type ServerFrame =
  | {
      readonly t: "welcome";
      readonly backend: string;
      readonly head: number;
      readonly user: User;
      readonly limits: Limits;
      readonly snapshot?: ImageOffer | null;
    }
  | { readonly t: "events"; readonly first: number; readonly events: readonly LogEvent[] }
  | { readonly t: "ack"; readonly session: string; readonly n: number; readonly count: number; readonly first: number }
  | { readonly t: "reject"; readonly session: string; readonly n: number; readonly code: RejectCode; readonly message: string }
  | { readonly t: "pause"; readonly session: string; readonly from: number; readonly retryMs: number }
  | LiveFrame
  | { readonly t: "ping"; readonly head?: number }
  | { readonly t: "pong" }
  | { readonly t: "bye"; readonly code: ByeCode; readonly message: string };

type Shape = Readonly<Record<string, "string" | "number" | "object" | "list" | "any">>;

const SHAPES: Readonly<Record<ServerFrame["t"], Shape>> = {
  welcome: { backend: "string", head: "number", user: "object", limits: "object" },
  events: { first: "number", events: "list" },
  ack: { session: "string", n: "number", count: "number", first: "number" },
  reject: { session: "string", n: "number", code: "string", message: "string" },
  pause: { session: "string", from: "number", retryMs: "number" },
  live: { topic: "string", data: "any", from: "object" },
  ping: {},
  pong: {},
  bye: { code: "string", message: "string" },
};

/** Parse what the server sent; null when it is no frame of this protocol. */
export function parseServerFrame(text: string): ServerFrame | null {
  let frame: Readonly<Record<string, unknown>>;
  try {
    frame = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof frame !== "object" || frame === null || typeof frame.t !== "string" || !Object.hasOwn(SHAPES, frame.t)) return null;
  const shape = SHAPES[frame.t as ServerFrame["t"]];
  const fits = Object.entries(shape).every(([key, kind]) => kind === "any" || kindOf(frame[key]) === kind);
  if (!fits || (frame.t === "events" && !(frame.events as readonly unknown[]).every(isLogEvent))) return null;
  if (frame.t === "welcome" && !isOfferOrNone(frame.snapshot)) return null;
  return frame as unknown as ServerFrame;
}

function isLogEvent(event: unknown): boolean {
  if (!Array.isArray(event) || event.length !== 5) return false;
  const [name, args, clientId, storeSessionId, n] = event;
  return [name, clientId, storeSessionId].every((part) => typeof part === "string") && kindOf(args) === "object" && typeof n === "number";
}

function isOfferOrNone(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  const shape = { seq: "number", url: "string", sizeBytes: "number", sha256: "string" } as const;
  return Object.entries(shape).every(([key, kind]) => kindOf((value as Readonly<Record<string, unknown>>)[key]) === kind);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "list";
  return value === null ? "null" : typeof value;
}
