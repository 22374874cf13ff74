// A worker in this process that says on its port what a test scripts, and notes what its frame would have been told.
import type { BootFiles } from "../src/files";
import type { OpenWorker, WorkerEvents, WorkerHandle } from "../src/worker-handle";

// biome-ignore lint/suspicious/noExplicitAny: messages of all kinds, as they came over the port
type Message = any;

export class ScriptedWorker implements WorkerHandle {
  readonly port: MessagePort;
  readonly events: WorkerEvents;
  /** What came over the port, parsed. */
  readonly received: Message[] = [];
  /** What the frame was told, in order. */
  readonly commands: unknown[] = [];
  files: BootFiles | null = null;
  closed = false;
  sessionId = "";
  private readonly own: MessagePort;
  private readonly arrivals = new Set<() => void>();
  private lastCommit = 0;
  private lastMark = 0;

  constructor(events: WorkerEvents) {
    const { port1, port2 } = new MessageChannel();
    this.events = events;
    this.port = port1;
    this.own = port2;
    port2.onmessage = ({ data }: MessageEvent<unknown>) => {
      this.received.push(typeof data === "string" ? JSON.parse(data) : data);
      for (const look of [...this.arrivals]) look();
    };
  }

  boot(files: BootFiles): void {
    this.files = files;
  }

  interrupt(number: number): void {
    this.commands.push(["interrupt", number]);
  }

  taken(units: number): void {
    this.commands.push(["taken", units]);
  }

  reply(id: number, text: string | null, problem: string | null): void {
    this.commands.push(["reply", id, text, problem]);
  }

  close(): void {
    this.closed = true;
    this.own.close();
    for (const look of [...this.arrivals]) look();
  }

  post(message: string | object): void {
    this.own.postMessage(typeof message === "string" ? message : JSON.stringify(message));
  }

  commit(name: string, args: object): void {
    this.lastCommit += 1;
    this.post({ t: "commit", id: this.lastCommit, name, args });
  }

  of(t: string): Message[] {
    return this.received.filter((message) => message.t === t);
  }

  /** Wait until everything that was posted has been handled; at once when the port is closed. */
  async sync(): Promise<void> {
    this.lastMark += 1;
    const id = 1_000_000 + this.lastMark;
    this.post({ t: "file", id, name: "no file" });
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.closed && !this.received.some((message) => message.t === "no-file" && message.id === id)) return;
        this.arrivals.delete(look);
        resolve();
      };
      this.arrivals.add(look);
      look();
    });
  }

  // --- as the agent in a worker goes about it

  begin(sessionId: string): void {
    this.sessionId = sessionId;
    this.post({ t: "phase", phase: "starting" });
    this.commit("v1.RuntimeSessionStarted", {
      sessionId,
      runtimeId: "tab",
      runtimeType: "python",
      capabilities: ["code"],
      info: "{}",
      lostAfterMs: 60_000,
      startedMs: 1,
    });
  }

  becomeReady(): void {
    this.commit("v1.RuntimeSessionStatusSet", { sessionId: this.sessionId, status: "ready" });
    this.post({ t: "phase", phase: "ready" });
  }

  run(executionId: string, number: number | null): void {
    this.commit("v1.ExecutionStarted", { executionId, sessionId: this.sessionId, executionCount: 1, startedMs: 1 });
    if (number !== null) this.post({ t: "busy", execution: executionId, number });
  }

  finish(executionId: string, status: "ok" | "error" | "cancelled"): void {
    this.post({ t: "idle", execution: executionId });
    this.commit("v1.ExecutionFinished", { executionId, sessionId: this.sessionId, status, finishedMs: 2 });
  }

  terminate(reason: string): void {
    this.commit("v1.RuntimeSessionTerminated", { sessionId: this.sessionId, reason });
  }
}

/** Opens scripted workers and keeps them in order. */
export function scriptedWorkers(): { readonly opened: ScriptedWorker[]; readonly openWorker: OpenWorker } {
  const opened: ScriptedWorker[] = [];
  const openWorker: OpenWorker = (events) => {
    const worker = new ScriptedWorker(events);
    opened.push(worker);
    return worker;
  };
  return { opened, openWorker };
}
