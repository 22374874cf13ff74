// A backend in memory that speaks the sync protocol to any number of stores; it checks nothing and is steered by a test.
import { DEFAULT_LIMITS, type Limits, type LogEvent } from "@runt/schema";
import type { SocketFactory, SocketHandlers } from "../src/connection";
import { settle } from "./manual-clock";

// biome-ignore lint/suspicious/noExplicitAny: frames of all kinds, as they came over the wire
type Frame = any;

export class Peer {
  readonly frames: Frame[] = [];
  open = true;
  live = false;
  session = "";
  private readonly handlers: SocketHandlers;

  constructor(handlers: SocketHandlers) {
    this.handlers = handlers;
  }

  send(frame: object): void {
    if (this.open) this.handlers.received(JSON.stringify(frame));
  }

  cut(): void {
    if (!this.open) return;
    this.open = false;
    this.live = false;
    this.handlers.closed();
  }
}

export class InMemoryBackend {
  readonly log: LogEvent[] = [];
  readonly peers: Peer[] = [];
  /** Decides on a pushed event: take it, reject it with a code, or leave it lying. */
  judge: (name: string) => "take" | "lose" | "forbidden" | "upgrade" = () => "take";
  id = "backend-1";
  user = "local";
  reachable = true;
  limits: Limits = DEFAULT_LIMITS;

  readonly openSocket: SocketFactory = (_url, _protocol, handlers) => {
    const peer = new Peer(handlers);
    if (this.reachable) {
      this.peers.push(peer);
      queueMicrotask(() => peer.open && handlers.opened());
    } else {
      peer.open = false;
      queueMicrotask(() => handlers.closed());
    }
    return {
      send: (text) => this.received(peer, JSON.parse(text)),
      close: () => {
        peer.open = false;
        peer.live = false;
      },
    };
  };

  get peer(): Peer {
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error("nobody has connected");
    return peer;
  }

  /** Somebody else's event. */
  async append(name: string, args: Readonly<Record<string, unknown>>, ...more: LogEvent[]): Promise<void> {
    const events: LogEvent[] = [[name, args, "bob", "theirs", this.log.length + 1], ...more];
    const first = this.log.length + 1;
    this.log.push(...events);
    for (const peer of this.peers) if (peer.live) peer.send({ t: "events", first, events });
    await settle();
  }

  private received(peer: Peer, frame: Frame): void {
    peer.frames.push(frame);
    if (!peer.open) return;
    queueMicrotask(() => this.answer(peer, frame));
  }

  private answer(peer: Peer, frame: Frame): void {
    if (frame.t === "hello") {
      peer.session = frame.session;
      const user = { id: this.user, name: "Ada", role: "owner" };
      peer.send({ t: "welcome", backend: this.id, head: this.log.length, user, limits: this.limits, decided: {} });
    } else if (frame.t === "from") {
      if (frame.head < this.log.length) peer.send({ t: "events", first: frame.head + 1, events: this.log.slice(frame.head) });
      peer.live = true;
    } else if (frame.t === "push") {
      for (const event of frame.events) this.decide(peer, event);
    } else if (frame.t === "live") {
      const { t, topic, data, to, id } = frame;
      const from = { session: peer.session, user: this.user };
      for (const other of this.peers) {
        if (other !== peer && (to === undefined || other.session === to))
          other.send({ t, topic, data, from, ...(id && { id }), ...(to && { to }) });
      }
    }
  }

  private decide(peer: Peer, event: { readonly n: number; readonly name: string; readonly args: Readonly<Record<string, unknown>> }): void {
    const { n, name, args } = event;
    const verdict = this.judge(name);
    if (verdict === "lose") return;
    if (verdict !== "take") {
      peer.send({ t: "reject", session: peer.session, n, code: verdict, message: "no" });
      return;
    }
    const known = this.log.findIndex(([, , , session, m]) => session === peer.session && m === n);
    if (known < 0) this.log.push([name, args, this.user, peer.session, n]);
    const first = known < 0 ? this.log.length : known + 1;
    peer.send({ t: "ack", session: peer.session, n, count: 1, first });
    if (known >= 0) return;
    for (const other of this.peers) if (other !== peer && other.live) other.send({ t: "events", first, events: [this.log.at(-1)] });
  }
}
