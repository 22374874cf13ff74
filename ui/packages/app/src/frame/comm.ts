// A comm as Jupyter's widgets use it, over the frame's port. The app merges and paces what is said; so nothing waits here.
import type { ICallbacks, IClassicComm } from "@jupyter-widgets/base";
import { fromBase64, toBase64 } from "./base64";

/** A message as model/comms.ts has it. */
export interface FrameMessage {
  readonly kind: "open" | "msg" | "close";
  readonly commId: string;
  readonly targetName?: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly buffers: readonly string[];
}

/** A message as widgets hear it. It has no parent: which repetitions are old is the app's to know. */
export interface HeardMessage {
  readonly content: { readonly comm_id: string; readonly data: Record<string, unknown> };
  readonly metadata: Record<string, unknown>;
  readonly buffers: readonly DataView[];
}

const MOST_EARLY = 1_000;

type Listener = (message: HeardMessage) => void;

export class FrameComm implements IClassicComm {
  readonly comm_id: string;
  readonly target_name = "jupyter.widget";
  readonly #say: (message: FrameMessage) => void;
  #onMessage: Listener | null = null;
  #onClose: Listener = () => {};
  #said = 0;
  /** What was said while the model was being made. */
  readonly #early: FrameMessage[] = [];

  constructor(commId: string, say: (message: FrameMessage) => void) {
    this.comm_id = commId;
    this.#say = say;
  }

  /** All comms here are open already. */
  open(): string {
    return "";
  }

  send(data: unknown, callbacks?: ICallbacks, metadata?: unknown, buffers: readonly (ArrayBuffer | ArrayBufferView)[] = []): string {
    this.#say({
      kind: "msg",
      commId: this.comm_id,
      data: JSON.parse(JSON.stringify(data)),
      metadata: (metadata ?? {}) as Record<string, unknown>,
      buffers: buffers.map(toBase64),
    });
    // Widgets hold back what comes before the kernel is idle again.
    queueMicrotask(() => callbacks?.iopub?.status?.({ content: { execution_state: "idle" } } as never));
    this.#said += 1;
    return `${this.comm_id}-${this.#said}`;
  }

  close(): string {
    this.#say({ kind: "close", commId: this.comm_id, data: {}, metadata: {}, buffers: [] });
    return "";
  }

  on_msg(callback: Listener): void {
    this.#onMessage = callback;
    for (const message of this.#early.splice(0)) this.hear(message);
  }

  on_close(callback: Listener): void {
    this.#onClose = callback;
  }

  /** Hear what the runtime, or another view in the page, says. */
  hear(message: FrameMessage): void {
    // A model listens for its end first.
    if (this.#onMessage === null) {
      // A model that could not be made never listens.
      if (this.#early.length < MOST_EARLY) this.#early.push(message);
    } else if (message.kind === "close") this.#onClose(asHeard(message));
    else this.#onMessage(asHeard(message));
  }
}

export function asHeard({ commId, data, metadata, buffers }: FrameMessage): HeardMessage {
  return { content: { comm_id: commId, data: { ...data } }, metadata: { ...metadata }, buffers: buffers.map(fromBase64) };
}
