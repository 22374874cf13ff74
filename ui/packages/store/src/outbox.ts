// The undecided events of one store session, in order, and how many of them the present connection was given.

import type { Limits } from "@runt/schema";
import type { PushedEvent } from "./frames";

export interface OutEvent extends PushedEvent {
  readonly bytes: number;
  /** The last event of the page's own session when this one was committed: nothing may be recorded before that. 0 for none. */
  readonly after: number;
}

// Small frames let others' traffic through between them.
const PUSH_BYTES = 64 * 1024;

export class Outbox {
  readonly storeSessionId: string;
  /** Whether anything was ever pushed from here. */
  everSent = false;
  private events: OutEvent[] = [];
  private sent = 0;
  private sentBytes = 0;
  private paused = false;

  constructor(storeSessionId: string) {
    this.storeSessionId = storeSessionId;
  }

  get isEmpty(): boolean {
    return this.events.length === 0;
  }

  /** Take an event, after all those before. */
  add(event: OutEvent): void {
    this.events.push(event);
  }

  /** An event was decided. Tells whether it was waited for. */
  remove(n: number): boolean {
    const place = this.events[0]?.n === n ? 0 : this.events.findIndex((event) => event.n === n);
    if (place < 0) return false;
    const [event] = this.events.splice(place, 1);
    if (place < this.sent) {
      this.sent -= 1;
      this.sentBytes -= event?.bytes ?? 0;
    }
    return true;
  }

  /** The connection is another one: all that is undecided is to be sent on it. */
  restart(): void {
    this.rewind(0);
    this.paused = false;
  }

  /** Nothing from `n` on was decided, and nothing more is wanted for a while. */
  pause(n: number): void {
    const place = this.events.findIndex((event) => event.n >= n);
    if (place >= 0 && place < this.sent) this.rewind(place);
    this.paused = true;
  }

  /** The time that a pause asked for is over. */
  resume(): void {
    this.paused = false;
  }

  /** Tell whether every event up to `n` is decided. */
  decided(n: number): boolean {
    return (this.events[0]?.n ?? Number.POSITIVE_INFINITY) > n;
  }

  /** Tell whether every event up to `n` is decided or was sent. */
  passed(n: number): boolean {
    return (this.events[this.sent]?.n ?? Number.POSITIVE_INFINITY) > n;
  }

  /**
   * Take what is to be sent now: as much as the window of undecided events allows, cut into frames.
   *
   * @param may - whether an event may be sent; the first that may not holds back those behind it
   */
  take({ batchEvents, batchBytes }: Limits, may: (event: OutEvent) => boolean): PushedEvent[][] {
    const frames: PushedEvent[][] = [];
    let frame: PushedEvent[] = [];
    let bytes = 0;
    for (let next = this.events[this.sent]; next !== undefined && !this.paused; next = this.events[this.sent]) {
      if (this.sent > 0 && (this.sent >= batchEvents || this.sentBytes + next.bytes > batchBytes)) break;
      if (!may(next)) break;
      if (frame.length > 0 && bytes + next.bytes > PUSH_BYTES) {
        frames.push(frame);
        frame = [];
        bytes = 0;
      }
      frame.push({ n: next.n, name: next.name, args: next.args });
      bytes += next.bytes;
      this.sent += 1;
      this.sentBytes += next.bytes;
      this.everSent = true;
    }
    if (frame.length > 0) frames.push(frame);
    return frames;
  }

  private rewind(sent: number): void {
    this.sent = sent;
    this.sentBytes = this.events.slice(0, sent).reduce((sum, event) => sum + event.bytes, 0);
  }
}
