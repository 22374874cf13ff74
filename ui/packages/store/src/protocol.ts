// A store's half of the sync protocol as a state machine without I/O: what happened goes in, effects come out.
// It knows what of the log was handed over and which own events the backend has not decided; the state is the replica's.

import type { ImageOffer } from "./frames";
import { type Effect, type Frame, type Known, Link, type Protocol, type ProtocolFrame } from "./link";
import { Outbox, type OutEvent } from "./outbox";
import type { Incoming } from "./replica";

/** How far the page is with the log: what its guests' pushes wait for. */
export interface Progress {
  /** Tell whether the page hears this log now and was given all of it up to `head`. */
  holds(backend: string, head: number): boolean;
  /** Tell whether the events of the page's own session up to `n` are decided. */
  decided(n: number): boolean;
}

/** A log, and how much of it a replica has. */
export interface Copy {
  readonly backend: string;
  readonly head: number;
}

/** What stands at a place of the log. */
type Confirming = Extract<Incoming, { readonly kind: "event" | "ack" }>;

export class SyncProtocol implements Protocol, Progress {
  readonly link = new Link();

  private readonly own: Outbox;
  /** All whose events appear in the log: the own one, guests', and those that guests left behind. */
  private readonly outboxes = new Map<string, Outbox>();
  /** Those that are pushed here, the own one first. */
  private pushed: Outbox[];
  /** Those of earlier lives, which are decided one after the other, and before anything else is pushed. */
  private earlier: Outbox[] = [];
  private backend: string | null = null;
  private head = 0;
  private target = 0;
  private behindAt = -1;
  /** The image that this connection waits for; it was not told `from` yet. */
  private awaited: ImageOffer | null = null;

  /** @param known - what the replica is a copy of; null for an empty one */
  constructor(storeSessionId: string, known: Copy | null = null) {
    this.own = new Outbox(storeSessionId);
    this.pushed = [this.own];
    this.attach(this.own);
    if (known !== null) ({ backend: this.backend, head: this.head } = known);
  }

  /** The log that is followed, once there is one. */
  get log(): string | null {
    return this.backend;
  }

  /** Whether what earlier lives left is decided. */
  get earlierDecided(): boolean {
    return this.earlier.every((outbox) => outbox.isEmpty);
  }

  /** Whether this hears the log, and was given all that it held at the welcome. */
  get caughtUp(): boolean {
    return this.link.connected && this.awaited === null && this.head >= this.target;
  }

  /** Push first what a life that ended left undecided, after that of those before. */
  restore(outbox: Outbox): void {
    this.attach(outbox);
    this.earlier.push(outbox);
  }

  /** Recognise the events of a session that shares this page's replica. */
  attach(outbox: Outbox): void {
    this.outboxes.set(outbox.storeSessionId, outbox);
  }

  /** Push from here what a session has left undecided, under its name. */
  adopt(outbox: Outbox): Effect[] {
    outbox.restart();
    this.pushed.push(outbox);
    return this.push();
  }

  holds(backend: string, head: number): boolean {
    return this.caughtUp && this.earlierDecided && this.backend === backend && this.head >= head;
  }

  decided(n: number): boolean {
    return this.own.decided(n);
  }

  offer(event: OutEvent): Effect[] {
    this.own.add(event);
    return this.push();
  }

  opened(nowMs: number): Effect[] {
    return this.link.opened(nowMs, this.own.storeSessionId, this.known());
  }

  /** Tell whether the connection that asked for this image still waits for it. */
  awaits(offer: ImageOffer): boolean {
    return this.awaited === offer;
  }

  /** The image is the state now, or could not be had: then the whole log is asked for. */
  imaged(offer: ImageOffer, loaded: boolean): Effect[] {
    if (!this.awaits(offer)) return [];
    this.awaited = null;
    if (loaded) this.head = offer.seq;
    return this.stream();
  }

  closed(nowMs: number, jitter: number): number {
    this.awaited = null;
    this.behindAt = -1;
    for (const outbox of this.all()) outbox.restart();
    return this.link.closed(nowMs, jitter);
  }

  resumed(): Effect[] {
    for (const outbox of this.all()) outbox.resume();
    return this.push();
  }

  received(text: string, nowMs: number): Effect[] {
    return this.link.received(text, nowMs, (frame) => this.take(frame));
  }

  /** Push what the windows take. What the log holds already arrives in the tail, so nothing is pushed before that is here. */
  push(): Effect[] {
    if (!this.caughtUp) return [];
    this.earlier = this.earlier.filter((outbox) => !this.forget(outbox));
    this.pushed = this.pushed.filter((outbox) => outbox === this.own || !this.forget(outbox));
    const turn = this.earlier.length > 0 ? this.earlier.slice(0, 1) : this.pushed;
    return turn.flatMap((outbox) => {
      const named = outbox === this.own ? {} : { session: outbox.storeSessionId };
      const frames = outbox.take(this.link.limits, (event) => this.own.passed(event.after));
      return frames.map((events) => ({ do: "send" as const, frame: { t: "push" as const, ...named, events } }));
    });
  }

  private take(frame: ProtocolFrame): Effect[] {
    switch (frame.t) {
      case "welcome":
        return this.welcomed(frame);
      case "events":
        return this.advance(frame.first, frame.events.length, (place, seq) => this.logEvent(frame, place, seq));
      case "ack":
        return this.advance(frame.first, frame.count, (place, seq) => this.acked(frame.session, frame.n + place, seq));
      case "reject":
        return this.outboxes.get(frame.session)?.remove(frame.n) ? [...this.link.rejected(frame), ...this.push()] : [];
      case "pause":
        return this.pause(frame);
      case "ping":
        return this.ping(frame);
    }
  }

  private welcomed(frame: Frame<"welcome">): Effect[] {
    const effects: Effect[] = [{ do: "welcome", user: frame.user }];
    if (this.backend !== null && this.backend !== frame.backend) {
      this.head = 0;
      this.link.problem = "the server has another log of this notebook than before: its content was loaded anew, unsent changes were kept";
      effects.push({ do: "apply", incoming: [{ kind: "reset" }] });
    }
    if (frame.head < this.head) return this.link.bye("ahead", "");
    this.backend = frame.backend;
    this.target = frame.head;
    const offer = frame.snapshot ?? null;
    if (offer !== null && this.wantsImage && offer.seq <= frame.head) {
      this.awaited = offer;
      return [...effects, { do: "fetch-image", offer }];
    }
    return [...effects, ...this.stream()];
  }

  private stream(): Effect[] {
    return [{ do: "send", frame: { t: "from", head: this.head } }, ...this.push()];
  }

  private known(): Known | null {
    if (this.wantsImage) return { snapshot: true };
    return this.backend === null ? null : { backend: this.backend, head: this.head };
  }

  /**
   * An image does not tell whether an event in it was applied where it stands. So a store begins from one only while none of
   * its own life's events can be in the log.
   */
  private get wantsImage(): boolean {
    const ofThisLife = [...this.outboxes.values()].filter((outbox) => !this.earlier.includes(outbox));
    return this.head === 0 && !ofThisLife.some((outbox) => outbox.everSent);
  }

  /**
   * Take a run of the log. What is known is passed over; an own event of an earlier life there was in the image that this store
   * began from, and is decided now. A hole ends the connection, which then goes on from the head.
   */
  private advance(first: number, count: number, at: (place: number, seq: number) => Confirming | null): Effect[] {
    const incoming: Incoming[] = [];
    for (let place = 0; place < count; place += 1) {
      const seq = first + place;
      if (seq <= this.head) {
        const known = at(place, seq);
        if (known !== null) incoming.push(included(known));
        continue;
      }
      const item = seq === this.head + 1 ? at(place, seq) : null;
      if (item === null)
        return [{ do: "apply", incoming }, ...this.link.leave("none", "a part of the log is missing; asking for it again")];
      this.head = seq;
      incoming.push(item);
    }
    return [{ do: "apply", incoming }, ...this.push()];
  }

  private logEvent(frame: Frame<"events">, place: number, seq: number): Confirming | null {
    const event = frame.events[place];
    if (event === undefined) return null;
    const [name, args, clientId, storeSessionId, n] = event;
    this.outboxes.get(storeSessionId)?.remove(n);
    return { kind: "event", seq, event: { name, args, clientId, storeSessionId, n } };
  }

  private acked(storeSessionId: string, n: number, seq: number): Confirming | null {
    return this.outboxes.get(storeSessionId)?.remove(n) ? { kind: "ack", seq, storeSessionId, n } : null;
  }

  private pause(frame: Frame<"pause">): Effect[] {
    const outbox = this.all().find(({ storeSessionId }) => storeSessionId === frame.session);
    if (outbox === undefined) return [];
    outbox.pause(frame.from);
    return [{ do: "resume", afterMs: frame.retryMs }];
  }

  private ping(frame: Frame<"ping">): Effect[] {
    const behind = frame.head !== undefined && frame.head > this.head;
    // A long tail, or an image, may still be on its way; only a tail that stands still is dead.
    if (behind && this.awaited === null && this.behindAt === this.head)
      return this.link.leave("none", "the server no longer sends its log; connecting again");
    this.behindAt = behind ? this.head : -1;
    return [{ do: "send", frame: { t: "pong" } }];
  }

  private all(): Outbox[] {
    return [...this.earlier, ...this.pushed];
  }

  /** Let go of a session that is over, once all its events are decided. */
  private forget(outbox: Outbox): boolean {
    return outbox.isEmpty && this.outboxes.delete(outbox.storeSessionId);
  }
}

function included(known: Confirming): Incoming {
  const { storeSessionId, n } = known.kind === "event" ? known.event : known;
  return { kind: "included", seq: known.seq, storeSessionId, n };
}
