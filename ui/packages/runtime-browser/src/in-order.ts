// The order of what a worker sends: while an artifact is uploaded, everything that came later waits, so that no event is
// committed before the bytes it names are kept. What waits is bounded.

import type { ArtifactMessage, CommitMessage, InputMessage, WorkerMessage } from "./messages";
import type { Bounds } from "./outbox";
import { OUTPUT_EVENTS } from "./policy";
import type { ArtifactUploads } from "./uploads";

const KINDS = ["text", "place", "commit", "input", "artifact", "ended"] as const;

/** Messages whose order among each other matters. */
export type OrderedMessage = Extract<WorkerMessage, { readonly t: (typeof KINDS)[number] }>;

/** What comes out, in the order of the port. */
export type Released = Exclude<OrderedMessage, ArtifactMessage> | { readonly t: "dropped"; readonly units: number };

interface Ports {
  readonly bounds: Bounds;
  readonly uploads: ArtifactUploads;
  /** Takes each message in its turn. */
  readonly release: (message: Released) => void;
  /** Hears of a commit or an input for which there is no room. */
  readonly overflow: (message: CommitMessage | InputMessage) => void;
  /** Hears of bytes that were not kept, and why. */
  readonly onProblem: (problem: string) => void;
}

interface Held {
  readonly message: Released | ArtifactMessage;
  readonly bytes: number;
}

const MESSAGE_OVERHEAD_BYTES = 256;
const COMPACT_AT = 4096;
const MOST_UNKEPT = 4096;
const EVENT_NAMES: ReadonlySet<string> = OUTPUT_EVENTS;

/** Tell whether a message must keep its place. */
export function isOrdered(message: WorkerMessage): message is OrderedMessage {
  return (KINDS as readonly string[]).includes(message.t);
}

export class InOrder {
  /** Artifacts that were not kept for want of room (`too-large`) or of time (`ended`). */
  readonly unkept = new Map<string, "too-large" | "ended">();

  private readonly ports: Ports;
  private queue: Held[] = [];
  private next = 0;
  private heldBytes = 0;
  private upload: { readonly artifact: ArtifactMessage; readonly abort: AbortController } | null = null;
  private abandoned = false;
  private waiting: (() => void)[] = [];

  constructor(ports: Ports) {
    this.ports = ports;
  }

  /** Take the next message. */
  offer(message: OrderedMessage): void {
    const bytes = sizeOf(message);
    if (!this.fits(message, bytes)) this.refuse(message);
    else if (this.upload !== null) this.hold({ message, bytes });
    else this.step(message);
  }

  /** Wait until nothing waits for an upload. */
  drained(): Promise<void> {
    return this.upload === null ? Promise.resolve() : new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Give up uploads, now and for good, and release what waits for them. */
  abandon(): void {
    this.abandoned = true;
    const { upload } = this;
    this.upload = null;
    if (upload === null) return;
    upload.abort.abort();
    this.lose(upload.artifact, "ended");
    this.heldBytes -= sizeOf(upload.artifact);
    this.releaseHeld();
  }

  private fits(message: OrderedMessage, bytes: number): boolean {
    // What need not wait needs no room; an artifact always waits.
    if (message.t === "ended" || (this.upload === null && message.t !== "artifact")) return true;
    const isOutput = message.t === "text" || message.t === "artifact" || (message.t === "commit" && EVENT_NAMES.has(message.name));
    const { output, total } = this.ports.bounds;
    return this.heldBytes + bytes <= (isOutput ? output : total);
  }

  private refuse(message: OrderedMessage): void {
    if (message.t === "artifact") {
      this.lose(message, "too-large");
      this.ports.onProblem(`an artifact of ${message.bytes.byteLength} bytes found no room`);
    } else if (message.t === "text") {
      const last = this.queue.at(-1);
      if (last?.message.t !== "dropped") this.hold({ message: { t: "dropped", units: message.text.length }, bytes: 0 });
      else this.queue[this.queue.length - 1] = { message: { t: "dropped", units: last.message.units + message.text.length }, bytes: 0 };
    } else if (message.t === "commit" || message.t === "input") {
      this.ports.overflow(message);
    } else {
      this.ports.onProblem(`${message.t} found no room`);
    }
  }

  private lose(artifact: ArtifactMessage, why: "too-large" | "ended"): void {
    const [oldest] = this.unkept.keys();
    if (this.unkept.size >= MOST_UNKEPT && oldest !== undefined) this.unkept.delete(oldest);
    this.unkept.set(artifact.sha256, why);
  }

  private hold(held: Held): void {
    this.queue.push(held);
    this.heldBytes += held.bytes;
  }

  private step(message: Released | ArtifactMessage): void {
    if (message.t === "artifact") this.begin(message);
    else this.ports.release(message);
  }

  private begin(artifact: ArtifactMessage): void {
    this.unkept.delete(artifact.sha256);
    if (this.abandoned) {
      this.lose(artifact, "ended");
      return;
    }
    const upload = { artifact, abort: new AbortController() };
    this.upload = upload;
    this.heldBytes += sizeOf(artifact);
    void this.ports.uploads.put(artifact, upload.abort.signal).then(
      (problem) => this.uploaded(upload, problem),
      (error: unknown) => this.uploaded(upload, String(error)),
    );
  }

  private uploaded(upload: InOrder["upload"], problem: string | null): void {
    if (upload === null || this.upload !== upload) return;
    this.upload = null;
    this.heldBytes -= sizeOf(upload.artifact);
    if (problem !== null) this.ports.onProblem(problem);
    this.releaseHeld();
  }

  private releaseHeld(): void {
    while (this.upload === null) {
      const held = this.queue[this.next];
      if (held === undefined) break;
      this.next += 1;
      this.heldBytes -= held.bytes;
      this.step(held.message);
    }
    // Not at each step: a long queue would be copied for each of its artifacts.
    if (this.next === this.queue.length || this.next > COMPACT_AT) {
      this.queue = this.queue.slice(this.next);
      this.next = 0;
    }
    if (this.upload === null) for (const resolve of this.waiting.splice(0)) resolve();
  }
}

function sizeOf(message: OrderedMessage): number {
  if (message.t === "text") return MESSAGE_OVERHEAD_BYTES + 2 * message.text.length;
  if (message.t === "artifact") return MESSAGE_OVERHEAD_BYTES + message.bytes.byteLength;
  return MESSAGE_OVERHEAD_BYTES + (message.t === "commit" || message.t === "input" ? 2 * message.size : 0);
}
