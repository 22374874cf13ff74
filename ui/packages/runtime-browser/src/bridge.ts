// The worker's end of the port. WorkerPort sorts what comes: text for the agent, files for whoever asked. Bridge is the
// object that Python is handed; its method names are Python's.

import type { ControlReader } from "./control";

interface FileMessage {
  readonly t: "file";
  readonly id: number;
  readonly bytes: ArrayBuffer;
}

interface Asked {
  readonly resolve: (bytes: ArrayBuffer) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerPort {
  readonly #port: MessagePort;
  readonly #asked = new Map<number, Asked>();
  #waiting: string[] = [];
  #listener: ((text: string) => void) | null = null;
  #lastId = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = (event: MessageEvent<string | FileMessage>) => this.#receive(event.data);
  }

  post(text: string): void {
    this.#port.postMessage(text);
  }

  postArtifact(sha256: string, mimeType: string, bytes: ArrayBuffer): void {
    this.#port.postMessage({ t: "artifact", sha256, mimeType, bytes }, [bytes]);
  }

  progress(text: string): void {
    this.post(JSON.stringify({ t: "progress", text }));
  }

  /** Ask the page for a file of the distribution. Answers come only while the event loop is free. */
  file(name: string): Promise<ArrayBuffer> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.post(JSON.stringify({ t: "file", id, name }));
    });
  }

  /** Hand texts to this listener; those that came before are handed over now. */
  listen(listener: ((text: string) => void) | null): void {
    this.#listener = listener;
    if (listener !== null) for (const text of this.#waiting.splice(0)) listener(text);
  }

  #receive(message: string | FileMessage): void {
    if (typeof message !== "string") this.#take(message.id)?.resolve(message.bytes);
    else if (message.startsWith('{"t":"no-file"')) {
      const { id, message: problem } = JSON.parse(message) as { readonly id: number; readonly message: string };
      this.#take(id)?.reject(new Error(problem));
    } else if (this.#listener === null) this.#waiting.push(message);
    else this.#listener(message);
  }

  #take(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    return asked;
  }
}

/** What is used here of a Python function that Pyodide hands over. */
export interface PyFunction {
  (text: string): unknown;
  copy(): PyFunction;
  destroy(): void;
}

/** What is used here of Python's bytes. */
export interface PyBytes {
  getBuffer(type: "u8"): { readonly data: Uint8Array<ArrayBuffer>; release(): void };
}

/** A reply to `input()`, as Python reads it: its text or None, and the problem or None. */
export type BridgeReply = readonly [text: string | undefined, problem: string | undefined];

export class Bridge {
  /** Whether the page can reach a busy thread. */
  readonly isolated: boolean;
  readonly #port: WorkerPort;
  readonly #control: ControlReader | null;
  readonly #load: (source: string) => Promise<readonly string[]>;
  #callback: PyFunction | null = null;

  constructor(port: WorkerPort, control: ControlReader | null, load: (source: string) => Promise<readonly string[]>) {
    this.isolated = control !== null;
    this.#port = port;
    this.#control = control;
    this.#load = load;
  }

  post(text: string): void {
    this.#port.post(text);
  }

  /** Hand bytes to the page; they are copied out of Python's memory here. */
  post_artifact(sha256: string, mimeType: string, data: PyBytes | Uint8Array<ArrayBuffer>): void {
    this.#port.postArtifact(sha256, mimeType, copyOf(data));
  }

  /** Deliver messages to this Python function from now on. */
  on_message(callback: PyFunction): void {
    // Python's argument is destroyed when this call returns; the copy is ours.
    const copy = callback.copy();
    this.#callback?.destroy();
    this.#callback = copy;
    this.#port.listen((text) => void copy(text));
  }

  wait(ms: number): void {
    this.#control?.wait(ms);
  }

  taken(): number {
    return this.#control?.taken() ?? 0;
  }

  target(): number {
    return this.#control?.target() ?? 0;
  }

  take_reply(id: number): BridgeReply | undefined {
    const reply = this.#control?.reply(id) ?? null;
    if (reply === null) return undefined;
    return "text" in reply ? [reply.text, undefined] : [undefined, reply.problem];
  }

  /** Load what this source imports and the distribution has; the names of the packages that were loaded. */
  load_imports(source: string): Promise<readonly string[]> {
    return this.#load(source);
  }

  /** Python's main is over: let go of its function. */
  close(): void {
    this.#port.listen(null);
    this.#callback?.destroy();
    this.#callback = null;
  }
}

function copyOf(data: PyBytes | Uint8Array<ArrayBuffer>): ArrayBuffer {
  if (data instanceof Uint8Array) return data.slice().buffer;
  const view = data.getBuffer("u8");
  try {
    return view.data.slice().buffer;
  } finally {
    view.release();
  }
}
