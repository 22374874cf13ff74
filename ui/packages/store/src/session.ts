// One store session on a page's replica: numbers its commits, keeps their receipts, and has its own way to the backend.
// A store has one, and every guest of it another; what they share is the store's.

import { checkArgs, type EventArgs, type EventName, type Json } from "@runt/schema";
import type { Clock, RandomSource } from "./clock";
import { Connection, type SocketFactory } from "./connection";
import { RejectedError, StoreClosedError } from "./errors";
import type { ClientFrame, ImageOffer, User } from "./frames";
import type { Keeper } from "./keeper";
import type { Effect, Protocol } from "./link";
import { LiveChannel } from "./live";
import { PendingReceipts, type Receipt } from "./receipts";
import type { Decided, Incoming, Replica } from "./replica";
import { StatusBoard } from "./status-board";

/** What the sessions of one store share. */
export interface Shared {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly replica: Replica;
  readonly keeper: Keeper | null;
  /** Where to connect and by what; null when the store is its own authority. */
  readonly backend: { readonly url: string; readonly openSocket: SocketFactory } | null;
  newId(): string;
  /** Fold in what the authority decided. */
  reconcile(incoming: readonly Incoming[]): void;
  /** The backend offers an image of the state to begin from. */
  offered(offer: ImageOffer): void;
  /** The backend said who we are. */
  welcomed(user: User): void;
  /** Something of this session's connection may differ. */
  changed(session: Session): void;
}

export class Session {
  readonly storeSessionId: string;
  readonly status = new StatusBoard();
  /** How many events were committed, which is the last one's number. */
  n = 0;
  /** Whether it takes no more commits. */
  over = false;

  private readonly shared: Shared;
  private readonly protocol: Protocol;
  private readonly connection: Connection | null;
  private readonly live: LiveChannel;
  private readonly receipts = new PendingReceipts();

  constructor(storeSessionId: string, protocol: Protocol, shared: Shared) {
    this.storeSessionId = storeSessionId;
    this.protocol = protocol;
    this.shared = shared;
    const { clock, random, backend, keeper } = shared;
    protocol.link.user = keeper?.userId ?? null;
    this.live = new LiveChannel(clock, shared.newId, (frame) => this.transmit(frame));
    this.connection =
      backend === null
        ? null
        : new Connection(backend.url, protocol, {
            clock,
            random,
            openSocket: backend.openSocket,
            perform: (effect) => this.perform(effect),
            changed: () => shared.changed(this),
          });
  }

  /** Whether the backend has welcomed this session and the connection stands; a store that is its own authority is always connected. */
  get connected(): boolean {
    return !this.over && (this.connection === null || this.protocol.link.connected);
  }

  /** A sentence for people when something is wrong with the connection. */
  get problem(): string | null {
    return this.protocol.link.problem;
  }

  /** How many events are not decided. */
  get pending(): number {
    return this.receipts.size;
  }

  /** Connect now, unless a connection stands or is being made. */
  connect(): void {
    this.connection?.start();
  }

  /**
   * Apply an event at once, and send it on.
   *
   * @param after - the last event of the page's own session before which this one must not be recorded; 0 for none
   * @throws InvalidEventError - the args do not fit; nothing was applied
   */
  commit<N extends EventName>(name: N, args: EventArgs[N], after: number): Receipt {
    if (this.over) throw new StoreClosedError(name);
    checkArgs(name, args);
    const text = JSON.stringify(args);
    const bytes = name.length + new TextEncoder().encode(text).length;
    const { eventBytes } = this.protocol.link.limits;
    if (bytes > eventBytes) {
      return this.receipts.refuse(new RejectedError(name, "too-large", `it has ${bytes} bytes, at most ${eventBytes} are taken`));
    }
    // A copy, so that what is pushed later is what was applied now.
    const event = { n: this.n + 1, name, args: JSON.parse(text) };
    const { replica, keeper } = this.shared;
    const { storeSessionId } = this;
    replica.commit({ ...event, storeSessionId });
    this.n = event.n;
    const receipt = this.receipts.open(event.n, name);
    if (this.connection !== null) {
      keeper?.journal(storeSessionId, event);
      this.connection.perform(this.protocol.offer({ ...event, bytes, after }));
    } else this.shared.reconcile([{ kind: "ack", seq: replica.head + 1, storeSessionId, n: event.n }]);
    return receipt;
  }

  /** Push what may go now. */
  push(): void {
    if (!this.over) this.run(this.protocol.push());
  }

  /** Carry out what the protocol wants. */
  run(effects: readonly Effect[]): void {
    if (effects.length > 0) this.connection?.perform(effects);
  }

  /** An event of this session was decided. */
  decided(decision: Decided): void {
    // Only of an earlier life's events is it unknown whether they were applied, and nobody holds their receipts any more.
    if ("seq" in decision) this.receipts.settle(decision.n, { seq: decision.seq, applied: decision.applied === true });
    else this.receipts.fail(decision.n, (name) => new RejectedError(name, decision.code, decision.message));
  }

  /** Send a live message to all others, or to one store session; the answer of that one, else null. */
  sendLive(topic: string, data: Json, to: string | undefined): Promise<Json> {
    return this.live.send(topic, data, to);
  }

  /** Answer live messages of one topic. */
  onLive(topic: string, handler: Parameters<LiveChannel["on"]>[1]): () => void {
    return this.live.on(topic, handler);
  }

  /** Connect no more. */
  disconnect(): void {
    this.connection?.stop();
  }

  /** Take no more commits and end the connection. What is undecided may still be decided. */
  leave(): void {
    this.over = true;
    this.disconnect();
    this.live.close();
    this.status.close();
  }

  /** End, and with it all receipts. */
  close(): void {
    this.leave();
    this.receipts.failAll((name) => new StoreClosedError(name));
  }

  private perform(effect: Exclude<Effect, { do: "send" | "close" | "resume" }>): void {
    switch (effect.do) {
      case "apply":
        this.shared.reconcile(effect.incoming);
        return;
      case "deliver":
        this.live.received(effect.message);
        return;
      case "welcome":
        this.shared.welcomed(effect.user);
        return;
      case "fetch-image":
        this.shared.offered(effect.offer);
        return;
    }
  }

  private transmit(frame: ClientFrame): boolean {
    if (this.connection === null || !this.connected) return false;
    this.run([{ do: "send", frame }]);
    return true;
  }
}
