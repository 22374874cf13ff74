// A backend in memory that speaks the sync protocol to any number of sessions; it checks nothing and is steered by a test.
import { DEFAULT_LIMITS, type Limits, type LogEvent } from "@runt/schema";
import type { SocketFactory, SocketHandlers } from "../src/connection";
import type { ImageOffer } from "../src/frames";
import type { ImageSource } from "../src/image";
import { settle } from "./manual-clock";

// biome-ignore lint/suspicious/noExplicitAny: frames of all kinds, as they came over the wire
type Frame = any;
type Args = Readonly<Record<string, unknown>>;

export class Peer {
  readonly frames: Frame[] = [];
  open = true;
  live = false;
  session = "";
  /** What is on its way from the client, and to it, while the backend holds everything. */
  readonly incoming: Frame[] = [];
  readonly outgoing: Frame[] = [];
  /** The lowest number of each session that a pause was about. */
  readonly paused = new Map<string, number>();
  private readonly handlers: SocketHandlers;
  private readonly backend: InMemoryBackend;

  constructor(handlers: SocketHandlers, backend: InMemoryBackend) {
    this.handlers = handlers;
    this.backend = backend;
  }

  send(frame: object): void {
    if (!this.open) return;
    if (this.backend.holds) this.outgoing.push(frame);
    else this.handlers.received(JSON.stringify(frame));
  }

  /** Let the next held frame to the client arrive. */
  deliver(): boolean {
    const frame = this.outgoing.shift();
    if (frame !== undefined && this.open) this.handlers.received(JSON.stringify(frame));
    return frame !== undefined;
  }

  cut(): void {
    if (!this.open) return;
    this.end();
    this.handlers.closed();
  }

  end(): void {
    this.open = false;
    this.live = false;
  }
}

export class InMemoryBackend {
  readonly log: LogEvent[] = [];
  readonly peers: Peer[] = [];
  /** Decides on a pushed event: take it, reject it with a code, ask for a pause, or leave it lying. */
  judge: (name: string, args: Args) => "take" | "lose" | "pause" | "forbidden" | "upgrade" = () => "take";
  id = "backend-1";
  user = "local";
  reachable = true;
  limits: Limits = DEFAULT_LIMITS;
  /** Frames wait until the test lets them through, one by one. */
  holds = false;
  /** An image for those who want one, and what asking for its bytes gives. */
  offer: ImageOffer | null = null;
  image: () => Promise<Uint8Array<ArrayBuffer>> = () => Promise.reject(new Error("there is none"));
  readonly fetched: string[] = [];
  private readonly rejected = new Map<string, string>();
  private readonly lastN = new Map<string, number>();

  readonly openSocket: SocketFactory = (_url, _protocol, handlers) => {
    const peer = new Peer(handlers, this);
    if (this.reachable) {
      this.peers.push(peer);
      queueMicrotask(() => peer.open && handlers.opened());
    } else {
      peer.open = false;
      queueMicrotask(() => handlers.closed());
    }
    return {
      send: (text) => this.received(peer, JSON.parse(text)),
      close: () => peer.end(),
    };
  };

  readonly imageSource: ImageSource = (url) => {
    this.fetched.push(url);
    return this.image();
  };

  /** Offer these bytes as the image of the state after event `seq`. */
  async offerImage(seq: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const sha256 = Buffer.from(digest).toString("hex");
    this.offer = { seq, url: `/api/notebooks/nb/images/${sha256}`, sizeBytes: bytes.length, sha256 };
    this.image = () => Promise.resolve(bytes);
  }

  get peer(): Peer {
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error("nobody has connected");
    return peer;
  }

  /** The newest connection of a session. */
  peerOf(session: string): Peer {
    const peer = this.peers.findLast((one) => one.session === session);
    if (peer === undefined) throw new Error(`${session} has not connected`);
    return peer;
  }

  /** Somebody else's event. */
  async append(name: string, args: Args, ...more: LogEvent[]): Promise<void> {
    const events: LogEvent[] = [[name, args, "bob", "theirs", this.log.length + 1], ...more];
    const first = this.log.length + 1;
    this.log.push(...events);
    for (const peer of this.peers) if (peer.live) peer.send({ t: "events", first, events });
    await settle();
  }

  /** Take the next held frame of a client. What was sent before a connection ended may still arrive. */
  take(peer: Peer): boolean {
    const frame = peer.incoming.shift();
    if (frame !== undefined) this.answer(peer, frame);
    return frame !== undefined;
  }

  private received(peer: Peer, frame: Frame): void {
    peer.frames.push(frame);
    if (!peer.open) return;
    if (this.holds) peer.incoming.push(frame);
    else queueMicrotask(() => this.answer(peer, frame));
  }

  private answer(peer: Peer, frame: Frame): void {
    if (frame.t === "hello") {
      peer.session = frame.session;
      const user = { id: this.user, name: "Ada", role: "owner" };
      const snapshot = frame.snapshot && this.offer ? { snapshot: this.offer } : {};
      peer.send({ t: "welcome", backend: this.id, head: this.log.length, user, limits: this.limits, decided: {}, ...snapshot });
    } else if (frame.t === "from") {
      if (frame.head < this.log.length) peer.send({ t: "events", first: frame.head + 1, events: this.log.slice(frame.head) });
      peer.live = peer.open;
    } else if (frame.t === "push") {
      const session: string = frame.session ?? peer.session;
      const paused = peer.paused.get(session);
      const last = this.lastN.get(session) ?? 0;
      if (paused !== undefined && last < paused && frame.events[0].n > paused) this.pause(peer, session, paused);
      else {
        peer.paused.delete(session);
        for (const event of frame.events) if (!this.decide(peer, session, event)) break;
      }
    } else if (frame.t === "live") {
      const { t, topic, data, to, id } = frame;
      const from = { session: peer.session, user: this.user };
      for (const other of this.peers) {
        if (other !== peer && (to === undefined || other.session === to))
          other.send({ t, topic, data, from, ...(id && { id }), ...(to && { to }) });
      }
    }
  }

  private decide(peer: Peer, session: string, event: { readonly n: number; readonly name: string; readonly args: Args }): boolean {
    const { n, name, args } = event;
    const key = `${session} ${n}`;
    const known = this.log.findIndex(([, , , storeSession, m]) => storeSession === session && m === n);
    const again = known >= 0 || this.rejected.has(key);
    const verdict = again ? (this.rejected.get(key) ?? "take") : n <= (this.lastN.get(session) ?? 0) ? "conflict" : this.judge(name, args);
    if (verdict === "lose") return true;
    if (verdict === "pause") {
      this.pause(peer, session, n);
      return false;
    }
    this.lastN.set(session, Math.max(n, this.lastN.get(session) ?? 0));
    if (verdict !== "take") {
      this.rejected.set(key, verdict);
      peer.send({ t: "reject", session, n, code: verdict, message: "no" });
      return true;
    }
    if (!again) this.log.push([name, args, this.user, session, n]);
    const first = again ? known + 1 : this.log.length;
    if (peer.live) peer.send({ t: "ack", session, n, count: 1, first });
    if (again) return true;
    for (const other of this.peers) if (other !== peer && other.live) other.send({ t: "events", first, events: [this.log.at(-1)] });
    return true;
  }

  private pause(peer: Peer, session: string, n: number): void {
    peer.paused.set(session, n);
    peer.send({ t: "pause", session, from: n, retryMs: 500 });
  }
}
