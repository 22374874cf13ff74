// The client's half of the sync protocol as a state machine without I/O: what happened goes in, effects come out.
// It knows what of the log was handed over and which own events the backend has not decided; the state is the replica's.

import { type ByeCode, DEFAULT_LIMITS, type Limits, RULES_HASH, SCHEMA_HASH } from "@runt/schema";
import { type ClientFrame, type LiveFrame, type PushedEvent, parseServerFrame, type ServerFrame, type User } from "./frames";
import type { Incoming } from "./replica";

const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 15_000;
// A connection that lived so long after its welcome starts the backoff anew.
const SETTLED_MS = 1_000;
const CONNECT_TIMEOUT_MS = 10_000;
// Small frames let others' traffic through between them.
const PUSH_BYTES = 64 * 1024;

export type Effect =
  | { readonly do: "send"; readonly frame: ClientFrame }
  | { readonly do: "apply"; readonly incoming: readonly Incoming[] }
  | { readonly do: "welcome"; readonly user: User }
  | { readonly do: "deliver"; readonly message: LiveFrame }
  | { readonly do: "resume"; readonly afterMs: number }
  | { readonly do: "close" };

interface OutEvent extends PushedEvent {
  readonly bytes: number;
}

type Frame<T extends ServerFrame["t"]> = Extract<ServerFrame, { readonly t: T }>;

export class SyncProtocol {
  limits: Limits = DEFAULT_LIMITS;
  /** A sentence for people when something is wrong. */
  problem: string | null = null;

  private readonly session: string;
  private phase: "closed" | "hello" | "synced" = "closed";
  private backend: string | null = null;
  private head = 0;
  private target = 0;
  private outbox: OutEvent[] = [];
  private sent = 0;
  private sentBytes = 0;
  private paused = false;
  private attempt = 0;
  private wait: "backoff" | "long" | "none" = "backoff";
  private welcomedMs: number | null = null;
  private heardMs = 0;
  private behindAt = -1;

  constructor(session: string) {
    this.session = session;
  }

  /** Whether the backend has welcomed this store and the connection stands. */
  get connected(): boolean {
    return this.phase === "synced";
  }

  /** When the connection counts as dead unless something is heard before. */
  get deadlineMs(): number {
    return this.heardMs + (this.phase === "synced" ? 2 * this.limits.pingIntervalMs : CONNECT_TIMEOUT_MS);
  }

  /** Take an own event to be pushed, after all those before. */
  offer(event: OutEvent): Effect[] {
    this.outbox.push(event);
    return this.push();
  }

  /** A connection is being made. */
  connecting(nowMs: number): void {
    this.heardMs = nowMs;
  }

  /** The connection is open: introduce this store. */
  opened(nowMs: number): Effect[] {
    this.phase = "hello";
    this.heardMs = nowMs;
    const known = this.backend === null ? {} : { backend: this.backend, head: this.head };
    return [{ do: "send", frame: { t: "hello", session: this.session, rules: RULES_HASH, schema: SCHEMA_HASH, ...known } }];
  }

  /**
   * The connection is gone, or could not be opened.
   *
   * @param jitter - a random number in [0, 1)
   * @returns milliseconds to wait before the next attempt
   */
  closed(nowMs: number, jitter: number): number {
    if (this.welcomedMs !== null && nowMs - this.welcomedMs >= SETTLED_MS) this.attempt = 0;
    const { wait } = this;
    if (wait === "backoff") this.problem = "no connection to the server; trying again";
    const span = wait === "long" ? BACKOFF_MAX_MS : Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.attempt);
    this.attempt = Math.min(this.attempt + 1, 10);
    this.phase = "closed";
    this.wait = "backoff";
    this.welcomedMs = null;
    this.behindAt = -1;
    this.rewind(0);
    this.paused = false;
    // Even at once is a little later: a server that ends every connection must not be asked without pause.
    return wait === "none" ? BACKOFF_FIRST_MS : span * (0.5 + jitter / 2);
  }

  /** The time that a pause asked for is over. */
  resumed(): Effect[] {
    this.paused = false;
    return this.push();
  }

  /** A frame came. */
  received(text: string, nowMs: number): Effect[] {
    const frame = parseServerFrame(text);
    if (this.phase === "closed") return [];
    if (frame === null || (frame.t === "welcome") !== (this.phase === "hello" && frame.t !== "bye")) {
      return this.leave("long", "the server speaks another language than this page: reload it");
    }
    this.heardMs = nowMs;
    switch (frame.t) {
      case "welcome":
        return this.welcomed(frame, nowMs);
      case "events":
        return this.take(frame.first, frame.events.length, (place, seq) => this.logEvent(frame, place, seq));
      case "ack":
        return frame.session === this.session ? this.take(frame.first, frame.count, (place, seq) => this.acked(frame.n + place, seq)) : [];
      case "reject":
        return this.rejected(frame);
      case "pause":
        return this.pause(frame);
      case "live":
        return [{ do: "deliver", message: frame }];
      case "ping":
        return this.ping(frame);
      case "pong":
        return [];
      case "bye":
        return this.bye(frame.code, frame.message);
    }
  }

  private welcomed(frame: Frame<"welcome">, nowMs: number): Effect[] {
    this.phase = "synced";
    this.welcomedMs = nowMs;
    this.limits = { ...DEFAULT_LIMITS, ...frame.limits };
    this.problem = null;
    const effects: Effect[] = [{ do: "welcome", user: frame.user }];
    if (this.backend !== null && this.backend !== frame.backend) {
      this.head = 0;
      this.problem = "the server has another log of this notebook than before: its content was loaded anew, unsent changes were kept";
      effects.push({ do: "apply", incoming: [{ kind: "reset" }] });
    }
    if (frame.head < this.head) return this.bye("ahead", "");
    this.backend = frame.backend;
    this.target = frame.head;
    return [...effects, { do: "send", frame: { t: "from", head: this.head } }, ...this.push()];
  }

  /** Take a run of the log: what is known is passed over, a hole ends the connection, which then goes on from the head. */
  private take(first: number, count: number, at: (place: number, seq: number) => Incoming | null): Effect[] {
    const incoming: Incoming[] = [];
    for (let place = 0; place < count; place += 1) {
      const seq = first + place;
      if (seq <= this.head) continue;
      const item = seq === this.head + 1 ? at(place, seq) : null;
      if (item === null) return [{ do: "apply", incoming }, ...this.leave("none", "a part of the log is missing; asking for it again")];
      this.head = seq;
      incoming.push(item);
    }
    return [{ do: "apply", incoming }, ...this.push()];
  }

  private logEvent(frame: Frame<"events">, place: number, seq: number): Incoming | null {
    const event = frame.events[place];
    if (event === undefined) return null;
    const [name, args, clientId, storeSessionId, n] = event;
    if (storeSessionId === this.session) this.remove(n);
    return { kind: "event", seq, event: { name, args, clientId, storeSessionId, n } };
  }

  private acked(n: number, seq: number): Incoming | null {
    return this.remove(n) ? { kind: "ack", seq, n } : null;
  }

  private rejected(frame: Frame<"reject">): Effect[] {
    if (frame.session !== this.session || !this.remove(frame.n)) return [];
    if (frame.code === "upgrade") this.problem = "the server follows other rules than this page: reload it";
    return [{ do: "apply", incoming: [{ kind: "reject", n: frame.n, code: frame.code, message: frame.message }] }, ...this.push()];
  }

  private pause(frame: Frame<"pause">): Effect[] {
    if (frame.session !== this.session) return [];
    const place = this.outbox.findIndex((event) => event.n >= frame.from);
    if (place >= 0 && place < this.sent) this.rewind(place);
    this.paused = true;
    return [{ do: "resume", afterMs: frame.retryMs }];
  }

  private ping(frame: Frame<"ping">): Effect[] {
    const behind = frame.head !== undefined && frame.head > this.head;
    // A long tail may still be on its way; only one that stands still is dead.
    if (behind && this.behindAt === this.head) return this.leave("none", "the server no longer sends its log; connecting again");
    this.behindAt = behind ? this.head : -1;
    return [{ do: "send", frame: { t: "pong" } }];
  }

  private bye(code: ByeCode, message: string): Effect[] {
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

  private leave(wait: "backoff" | "long" | "none", problem: string): Effect[] {
    this.wait = wait;
    this.problem = problem;
    return [{ do: "close" }];
  }

  /** Push what the window takes. What the log holds already arrives in the tail, so nothing is pushed before that is here. */
  private push(): Effect[] {
    if (this.phase !== "synced" || this.paused || this.head < this.target) return [];
    const effects: Effect[] = [];
    const { batchEvents, batchBytes } = this.limits;
    let batch: PushedEvent[] = [];
    let bytes = 0;
    const close = (): void => {
      if (batch.length > 0) effects.push({ do: "send", frame: { t: "push", events: batch } });
      batch = [];
      bytes = 0;
    };
    for (let next = this.outbox[this.sent]; next !== undefined; next = this.outbox[this.sent]) {
      if (this.sent > 0 && (this.sent >= batchEvents || this.sentBytes + next.bytes > batchBytes)) break;
      if (bytes + next.bytes > PUSH_BYTES) close();
      batch.push({ n: next.n, name: next.name, args: next.args });
      bytes += next.bytes;
      this.sent += 1;
      this.sentBytes += next.bytes;
    }
    close();
    return effects;
  }

  private rewind(sent: number): void {
    this.sent = sent;
    this.sentBytes = this.outbox.slice(0, sent).reduce((sum, event) => sum + event.bytes, 0);
  }

  private remove(n: number): boolean {
    const place = this.outbox[0]?.n === n ? 0 : this.outbox.findIndex((event) => event.n === n);
    if (place < 0) return false;
    const [event] = this.outbox.splice(place, 1);
    if (place < this.sent) {
      this.sent -= 1;
      this.sentBytes -= event?.bytes ?? 0;
    }
    return true;
  }
}
