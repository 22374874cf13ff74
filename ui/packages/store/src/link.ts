// The life of one connection, without I/O: the greeting, when it counts as dead, how it ends, how long until the next.
// It is the half that a store's protocol and a guest's have in common; what happened goes in, effects come out.

import { type ByeCode, DEFAULT_LIMITS, type Limits, RULES_HASH, SCHEMA_HASH } from "@runt/schema";
import { type ClientFrame, type ImageOffer, type LiveFrame, parseServerFrame, type ServerFrame, type User } from "./frames";
import type { OutEvent } from "./outbox";
import type { Incoming } from "./replica";

const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 15_000;
// A connection that lived so long after its welcome starts the backoff anew.
const SETTLED_MS = 1_000;
const CONNECT_TIMEOUT_MS = 10_000;

export type Effect =
  | { readonly do: "send"; readonly frame: ClientFrame }
  | { readonly do: "apply"; readonly incoming: readonly Incoming[] }
  | { readonly do: "welcome"; readonly user: User }
  | { readonly do: "fetch-image"; readonly offer: ImageOffer }
  | { readonly do: "deliver"; readonly message: LiveFrame }
  | { readonly do: "resume"; readonly afterMs: number }
  | { readonly do: "close" };

/** What a protocol has to say about its connection; each call gives what is to be done. */
export interface Protocol {
  readonly link: Link;
  /** Take an own event to be pushed, after all those before. */
  offer(event: OutEvent): Effect[];
  /** The connection is open: introduce this session. */
  opened(nowMs: number): Effect[];
  /** A frame came. */
  received(text: string, nowMs: number): Effect[];
  /** Push what may go now. */
  push(): Effect[];
  /** The time that a pause asked for is over. */
  resumed(): Effect[];
  /**
   * The connection is gone, or could not be opened.
   *
   * @param jitter - a random number in [0, 1)
   * @returns milliseconds to wait before the next attempt
   */
  closed(nowMs: number, jitter: number): number;
}

/** What a store says of its copy of the log. */
export type Known = { readonly backend: string; readonly head: number } | { readonly snapshot: true };

export type Frame<T extends ServerFrame["t"]> = Extract<ServerFrame, { readonly t: T }>;

/** Frames that mean different things to a store and to a guest. */
export type ProtocolFrame = Exclude<ServerFrame, { readonly t: "bye" | "live" | "pong" }>;

export class Link {
  limits: Limits = DEFAULT_LIMITS;
  /** A sentence for people when something is wrong. */
  problem: string | null = null;
  /** Whose page this is; null while nobody's. As somebody else it must say and hear nothing. */
  user: string | null = null;

  private phase: "closed" | "hello" | "welcomed" = "closed";
  private attempt = 0;
  private wait: "backoff" | "long" | "none" = "backoff";
  private welcomedMs: number | null = null;
  private heardMs = 0;

  /** Whether the backend has welcomed this session and the connection stands. */
  get connected(): boolean {
    return this.phase === "welcomed";
  }

  /** When the connection counts as dead unless something is heard before. */
  get deadlineMs(): number {
    return this.heardMs + (this.connected ? 2 * this.limits.pingIntervalMs : CONNECT_TIMEOUT_MS);
  }

  /** A connection is being made. */
  connecting(nowMs: number): void {
    this.heardMs = nowMs;
  }

  /** The connection is open: greet, with what is known of the log, or the wish for an image of it. */
  opened(nowMs: number, session: string, known: Known | null): Effect[] {
    this.phase = "hello";
    this.heardMs = nowMs;
    return [{ do: "send", frame: { t: "hello", session, rules: RULES_HASH, schema: SCHEMA_HASH, ...known } }];
  }

  /** The connection is gone; as `Protocol.closed`. */
  closed(nowMs: number, jitter: number): number {
    if (this.welcomedMs !== null && nowMs - this.welcomedMs >= SETTLED_MS) this.attempt = 0;
    const { wait } = this;
    if (wait === "backoff") this.problem = "no connection to the server; trying again";
    const span = wait === "long" ? BACKOFF_MAX_MS : Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.attempt);
    this.attempt = Math.min(this.attempt + 1, 10);
    this.phase = "closed";
    this.wait = "backoff";
    this.welcomedMs = null;
    // Even at once is a little later: a server that ends every connection must not be asked without pause.
    return wait === "none" ? BACKOFF_FIRST_MS : span * (0.5 + jitter / 2);
  }

  /** A frame came: what is the same for all is dealt with here, the rest is `take`'s. */
  received(text: string, nowMs: number, take: (frame: ProtocolFrame) => Effect[]): Effect[] {
    if (this.phase === "closed") return [];
    const frame = parseServerFrame(text);
    if (frame === null || (frame.t === "welcome") !== (this.phase === "hello" && frame.t !== "bye")) {
      return this.leave("long", "the server speaks another language than this page: reload it");
    }
    this.heardMs = nowMs;
    switch (frame.t) {
      case "live":
        return [{ do: "deliver", message: frame }];
      case "pong":
        return [];
      case "bye":
        return this.bye(frame.code, frame.message);
      case "welcome":
        if (this.user !== null && frame.user.id !== this.user) {
          return this.leave("long", "somebody else is signed in here now: reload this page; its changes are kept for who made them");
        }
        this.phase = "welcomed";
        this.welcomedMs = nowMs;
        this.limits = { ...DEFAULT_LIMITS, ...frame.limits };
        this.problem = null;
        return take(frame);
      default:
        return take(frame);
    }
  }

  /** An event was refused for good. */
  rejected({ session, n, code, message }: Frame<"reject">): Effect[] {
    if (code === "upgrade") this.problem = "the server follows other rules than this page: reload it";
    return [{ do: "apply", incoming: [{ kind: "reject", storeSessionId: session, n, code, message }] }];
  }

  /** The server ends the connection, or does so in all but words. */
  bye(code: ByeCode, message: string): Effect[] {
    switch (code) {
      case "ahead":
        return this.leave(
          "long",
          "this page knows more of the notebook than the server, perhaps restored from a backup: changes are kept here, not sent",
        );
      case "unauthorized":
      case "not-found":
      case "bad-frame":
      case "too-many":
        return this.leave("long", `the server refuses this page: ${message}`);
      default:
        return this.leave("backoff", "no connection to the server; trying again");
    }
  }

  /** End the connection from here. */
  leave(wait: "backoff" | "long" | "none", problem: string): Effect[] {
    this.wait = wait;
    this.problem = problem;
    return [{ do: "close" }];
  }
}
