// A worker's end of the port as a test plays it, before a real store and the page's end of a real MessageChannel.
import { type EventArgs, type EventName, type OutputRow, queries } from "@runt/schema";
import { createStore, type Store } from "@runt/store";
import { afterEach } from "vitest";
import type { InMemoryBackend } from "../../store/tests/in-memory-backend";
import { ManualClock, settle } from "../../store/tests/manual-clock";
import type { ArtifactMessage } from "../src/messages";
import { PortHost, type PortHostOptions } from "../src/port";
import type { ArtifactUploads } from "../src/uploads";

/** Uploads that a test finishes by hand. */
export class HeldUploads implements ArtifactUploads {
  readonly asked: string[] = [];
  retries = 0;
  private readonly waiting: ((problem: string | null) => void)[] = [];

  put(artifact: ArtifactMessage, signal: AbortSignal): Promise<string | null> {
    this.asked.push(artifact.sha256);
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      signal.addEventListener("abort", () => resolve("aborted"));
    });
  }

  retry(): void {
    this.retries += 1;
  }

  /** End the oldest upload. */
  async finish(problem: string | null = null): Promise<void> {
    this.waiting.shift()?.(problem);
    await settle();
  }
}

// biome-ignore lint/suspicious/noExplicitAny: messages of all kinds, as they came over the port
export type Message = any;

export interface RigOptions extends Partial<PortHostOptions> {
  /** With a backend that the test steers; else the store is its own authority. */
  readonly backend?: InMemoryBackend;
}

export class Rig {
  readonly clock: ManualClock;
  readonly store: Store;
  readonly host: PortHost;
  readonly uploads: HeldUploads;
  /** What the worker received. */
  readonly received: Message[] = [];
  /** Calls of the supervisor's callbacks, by name and arguments. */
  readonly calls: unknown[][] = [];
  readonly worker: MessagePort;
  private readonly arrivals = new Set<() => void>();
  private lastCommit = 0;
  private lastMark = 0;

  private constructor(clock: ManualClock, store: Store, uploads: HeldUploads, options: RigOptions) {
    this.clock = clock;
    this.store = store;
    this.uploads = uploads;
    const { port1, port2 } = new MessageChannel();
    this.worker = port2;
    port2.onmessage = ({ data }: MessageEvent<unknown>) => {
      this.received.push(typeof data === "string" ? JSON.parse(data) : data);
      for (const look of [...this.arrivals]) look();
    };
    const note =
      (name: string) =>
      (...args: unknown[]): void => {
        this.calls.push([name, ...args]);
      };
    this.host = new PortHost(port1, store, {
      policy: "runtime",
      clock,
      uploads,
      welcome: { config: { search: "" } },
      file: async (name) => {
        if (!name.startsWith("mark-")) return new TextEncoder().encode(name).buffer;
        await settle();
        throw new Error("no such file");
      },
      onBusy: note("busy"),
      onIdle: note("idle"),
      onPhase: note("phase"),
      onProgress: note("progress"),
      onEnded: note("ended"),
      onRestartWanted: note("restart"),
      onTaken: note("taken"),
      onInputReply: note("reply"),
      onProblem: note("problem"),
      ...options,
    });
  }

  static async open(options: RigOptions = {}): Promise<Rig> {
    const clock = new ManualClock();
    const { backend } = options;
    const remote = backend === undefined ? {} : { url: "http://127.0.0.1:1", socketFactory: backend.openSocket };
    const store = await createStore({ storeId: "nb", clock, ...remote });
    await settle();
    return new Rig(clock, store, new HeldUploads(), options);
  }

  close(): void {
    this.host.close();
    this.worker.close();
    this.store.close();
  }

  /** Post as the worker. */
  post(...messages: (string | object)[]): void {
    for (const message of messages) this.worker.postMessage(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** Post what is no JSON text. */
  postRaw(message: unknown, transfer: ArrayBuffer[] = []): void {
    this.worker.postMessage(message, transfer);
  }

  artifact(sha256: string, size = 3): void {
    const bytes = new ArrayBuffer(size);
    this.postRaw({ t: "artifact", sha256, mimeType: "image/png", bytes }, [bytes]);
  }

  /** Commit as the worker; gives the id. */
  commit<N extends EventName>(name: N, args: EventArgs[N]): number {
    this.lastCommit += 1;
    this.post({ t: "commit", id: this.lastCommit, name, args });
    return this.lastCommit;
  }

  /** Wait until everything posted so far was handled, and everything answered to it has arrived. */
  async sync(): Promise<void> {
    this.lastMark += 1;
    const id = 1_000_000 + this.lastMark;
    this.post({ t: "file", id, name: `mark-${id}` });
    await this.until(() => this.received.some((message) => message.t === "no-file" && message.id === id));
  }

  /** Wait until messages between two other ports, posted after all those so far, have come. */
  async drainPort(): Promise<void> {
    for (let round = 0; round < 3; round += 1) {
      await new Promise<void>((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port2.onmessage = () => {
          port1.close();
          resolve();
        };
        port1.postMessage(null);
      });
    }
  }

  /** Wait for messages until this holds. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        this.arrivals.delete(look);
        resolve();
      };
      this.arrivals.add(look);
      look();
    });
  }

  /** The answer to a commit. */
  async answer(id: number): Promise<Message> {
    const find = (): Message => this.received.find((message) => (message.t === "applied" || message.t === "rejected") && message.id === id);
    await this.until(() => find() !== undefined);
    return find();
  }

  of(t: string): Message[] {
    return this.received.filter((message) => message.t === t);
  }

  called(name: string): unknown[][] {
    return this.calls.filter(([called]) => called === name).map(([, ...args]) => args);
  }

  /** Make a cell, begin a session and start an execution of the cell. */
  async begin(execution = "e1"): Promise<void> {
    const cellId = `cell-${execution}`;
    this.store.commit("v1.CellCreated", { cellId, cellType: "code", position: "a0", source: "1" });
    if (this.host.sessionId === null) {
      this.commit("v1.RuntimeSessionStarted", session("s1"));
      this.commit("v1.RuntimeSessionStatusSet", { sessionId: "s1", status: "ready" });
      await this.sync();
    }
    this.store.commit("v1.ExecutionRequested", { executionId: execution, cellId, source: "1", requestedMs: 1 });
    this.commit("v1.ExecutionStarted", { executionId: execution, sessionId: "s1", executionCount: 1, startedMs: 1 });
    this.place("stdout", execution);
    await this.sync();
  }

  place(stream: "stdout" | "stderr", execution = "e1", session = "s1"): void {
    this.post({ t: "place", execution, session, stream });
  }

  /** The outputs of an execution in order: streams as `name:text`, others as their kind. */
  outputs(execution = "e1"): string[] {
    return this.store.query(queries.outputs, { executionId: execution }).map((row) => this.describe(row));
  }

  /** The numbers and texts of an output's chunks. */
  chunks(outputId: string): (readonly [number, string])[] {
    return this.store.query(queries.chunks, { outputId, after: -1 }).map((row) => [row.n, row.text] as const);
  }

  execution(id = "e1"): Message {
    return this.store.query(queries.execution, { executionId: id })[0];
  }

  session(id = "s1"): Message {
    return this.store.query(queries.session, { sessionId: id })[0];
  }

  private describe(row: OutputRow): string {
    if (row.kind === "stream") {
      const text = this.chunks(row.id).map(([, piece]) => piece);
      return `${row.stream}:${text.join("")}`;
    }
    return row.kind === "error" ? `error:${row.errorName}:${row.errorValue}` : row.kind;
  }
}

export function session(sessionId: string, replaces?: string): EventArgs["v1.RuntimeSessionStarted"] {
  const args: EventArgs["v1.RuntimeSessionStarted"] = {
    sessionId,
    runtimeId: "page",
    runtimeType: "python",
    capabilities: ["code"],
    info: "{}",
    lostAfterMs: 60_000,
    startedMs: 1,
  };
  return replaces === undefined ? args : { ...args, replaces };
}

export function display(outputId: string, more: Partial<EventArgs["v1.DisplayAdded"]> = {}): EventArgs["v1.DisplayAdded"] {
  return {
    outputId,
    executionId: "e1",
    sessionId: "s1",
    bundle: { "text/plain": { type: "inline", data: "x" } },
    metadata: "{}",
    ...more,
  };
}

const rigs: Rig[] = [];
afterEach(() => {
  for (const rig of rigs.splice(0)) rig.close();
});

/** Open a rig that is closed after its test. */
export async function open(options?: RigOptions): Promise<Rig> {
  const rig = await Rig.open(options);
  rigs.push(rig);
  return rig;
}

/** The same, with an execution begun. */
export async function started(options?: RigOptions): Promise<Rig> {
  const rig = await open(options);
  await rig.begin();
  return rig;
}
