// A guest's half of the sync protocol, without I/O: it pushes, and hears what has no place in the log.
// The log itself comes over the page's own connection, which tells by `Progress` how far it is.

import { type Effect, Link, type Protocol, type ProtocolFrame } from "./link";
import type { Outbox, OutEvent } from "./outbox";
import type { Progress } from "./protocol";

export class GuestProtocol implements Protocol {
  readonly link = new Link();

  private readonly outbox: Outbox;
  private readonly progress: Progress;
  /** What the log held when this connection was welcomed. Some of it may be ours, sent before. */
  private held: { readonly backend: string; readonly head: number } | null = null;

  constructor(outbox: Outbox, progress: Progress) {
    this.outbox = outbox;
    this.progress = progress;
  }

  offer(event: OutEvent): Effect[] {
    this.outbox.add(event);
    return this.push();
  }

  opened(nowMs: number): Effect[] {
    return this.link.opened(nowMs, this.outbox.storeSessionId, null);
  }

  closed(nowMs: number, jitter: number): number {
    this.held = null;
    this.outbox.restart();
    return this.link.closed(nowMs, jitter);
  }

  resumed(): Effect[] {
    this.outbox.resume();
    return this.push();
  }

  received(text: string, nowMs: number): Effect[] {
    return this.link.received(text, nowMs, (frame) => this.take(frame));
  }

  /**
   * Push what the window takes, unless the page may still learn that it is recorded already. Nothing goes before the
   * decision on the page's own earlier events: over two connections the backend would see them in any order.
   */
  push(): Effect[] {
    const { held, progress } = this;
    if (held === null || !progress.holds(held.backend, held.head)) return [];
    const frames = this.outbox.take(this.link.limits, (event) => progress.decided(event.after));
    return frames.map((events) => ({ do: "send", frame: { t: "push", events } }));
  }

  private take(frame: ProtocolFrame): Effect[] {
    switch (frame.t) {
      case "welcome":
        this.held = { backend: frame.backend, head: frame.head };
        return this.push();
      case "reject":
        if (frame.session !== this.outbox.storeSessionId || !this.outbox.remove(frame.n)) return [];
        return [...this.link.rejected(frame), ...this.push()];
      case "pause":
        if (frame.session !== this.outbox.storeSessionId) return [];
        this.outbox.pause(frame.from);
        return [{ do: "resume", afterMs: frame.retryMs }];
      case "ping":
        return [{ do: "send", frame: { t: "pong" } }];
      case "events":
      case "ack":
        return [];
    }
  }
}
