// A notebook page as a test plays it: a real store and supervisor before a backend in memory and scripted workers.
import { type LogEvent, queries, SERVER_CLIENT_ID } from "@runt/schema";
import { createStore, type Store } from "@runt/store";
import { InMemoryBackend } from "../../store/tests/in-memory-backend";
import { ManualClock, settle } from "../../store/tests/manual-clock";
import { BrowserRuntime, type BrowserRuntimeOptions } from "../src/runtime";
import type { RuntimeState } from "../src/state";
import { HeldUploads } from "./rig";
import { type ScriptedWorker, scriptedWorkers } from "./scripted-worker";

const INDEX = {
  version: "314.0.7",
  python: "3.14.2",
  base: "/pyodide/abc/",
  site: null,
  files: { "pyodide.mjs": 4, "numpy.whl": 4 },
  boot: ["pyodide.mjs"],
};

export class RuntimeRig {
  readonly clock: ManualClock;
  readonly backend: InMemoryBackend;
  readonly store: Store;
  readonly runtime: BrowserRuntime;
  readonly workers: ScriptedWorker[];
  /** Where `pagehide` comes from. */
  readonly events = new EventTarget();
  readonly states: RuntimeState[] = [];
  /** Turns each fetch into its answer. */
  answer: (url: string, signal: AbortSignal | null | undefined) => Promise<Response>;
  private lastSession = 0;

  private constructor(clock: ManualClock, backend: InMemoryBackend, store: Store, options: Partial<BrowserRuntimeOptions>) {
    this.clock = clock;
    this.backend = backend;
    this.store = store;
    this.answer = async (url) => (url.endsWith("index.json") ? Response.json(INDEX) : new Response("1234"));
    const { opened, openWorker } = scriptedWorkers();
    this.workers = opened;
    this.runtime = new BrowserRuntime(store, {
      notebookId: "nb",
      runtimeId: "tab",
      openWorker,
      clock,
      uploads: new HeldUploads(),
      fetch: (input, init) => this.answer(String(input), init?.signal),
      page: {
        events: this.events,
        href: "http://notebook.test/nb/nb?runtime-log-level=debug",
        settings: { "runt.runtime.load-imports": "no" },
      },
      ...options,
    });
    this.runtime.subscribe(() => this.states.push(this.runtime.state));
  }

  static async open(options: Partial<BrowserRuntimeOptions> = {}): Promise<RuntimeRig> {
    const clock = new ManualClock();
    const backend = new InMemoryBackend();
    const store = await createStore({ storeId: "nb", clock, url: "http://127.0.0.1:1", socketFactory: backend.openSocket });
    await settle();
    return new RuntimeRig(clock, backend, store, options);
  }

  close(): void {
    this.runtime.dispose();
    for (const worker of this.workers) worker.close();
    this.store.close();
  }

  get worker(): ScriptedWorker {
    const worker = this.workers.at(-1);
    if (worker === undefined) throw new Error("no worker was opened");
    return worker;
  }

  /** Wait until the newest of this many workers has its files. */
  async booted(count: number): Promise<ScriptedWorker> {
    while (this.workers.length < count || this.worker.files === null) await new Promise((resolve) => setImmediate(resolve));
    return this.worker;
  }

  /** Bring the newest of this many workers up to `ready`. */
  async ready(count = 1, isolated = true): Promise<ScriptedWorker> {
    const worker = await this.booted(count);
    worker.events.started(isolated);
    this.lastSession += 1;
    worker.begin(`s${this.lastSession}`);
    worker.becomeReady();
    await this.sync();
    return worker;
  }

  /** Start, and be ready. */
  async start(isolated = true): Promise<ScriptedWorker> {
    const started = this.runtime.start();
    const worker = await this.ready(1, isolated);
    await started;
    return worker;
  }

  /** Wait until the newest worker's messages were handled and subscribers were told. */
  async sync(): Promise<void> {
    await this.worker.sync();
    await this.pass(20);
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await settle();
  }

  /** Ask for the execution of a new cell. */
  async request(execution: string): Promise<void> {
    this.store.commit("v1.CellCreated", { cellId: `cell-${execution}`, cellType: "code", position: "a0", source: "1" });
    this.store.commit("v1.ExecutionRequested", { executionId: execution, cellId: `cell-${execution}`, source: "1", requestedMs: 1 });
    await this.pass(20);
  }

  /** Let user code of a new execution run on the newest worker, under this number. */
  async run(execution: string, number: number | null = 1): Promise<void> {
    await this.request(execution);
    this.worker.run(execution, number);
    await this.sync();
  }

  async cancel(executionId: string): Promise<void> {
    this.store.commit("v1.ExecutionCancelRequested", { executionId, reason: "person" });
    await this.pass(20);
  }

  /** The authority gives a session up. */
  async lose(sessionId: string): Promise<void> {
    const reason = "lost";
    const told: LogEvent = ["v1.RuntimeSessionTerminated", { sessionId, reason }, SERVER_CLIENT_ID, "authority", 1];
    await this.backend.append("v1.NotebookMetadataSet", { key: "title", value: '"x"' }, told);
    await this.pass(20);
  }

  /** A live message to the runtime, as another client sends it; gives the answer. */
  async tell(topic: string, data: object): Promise<unknown> {
    const other = await createStore({
      storeId: "nb",
      clock: this.clock,
      url: "http://127.0.0.1:1",
      socketFactory: this.backend.openSocket,
    });
    await this.pass(20);
    const session = this.store.query(queries.latestSession, {})[0]?.storeSessionId ?? "";
    const answer = other.sendLive(topic, data as never, { to: session });
    await this.pass(20);
    const told = await answer;
    other.close();
    return told;
  }

  execution(id: string): string {
    const row = this.store.query(queries.execution, { executionId: id })[0];
    return [row?.status, row?.errorName].filter(Boolean).join(" ");
  }

  session(id: string): string {
    const row = this.store.query(queries.session, { sessionId: id })[0];
    return [row?.status, row?.endedReason].filter(Boolean).join(" ");
  }

  /** Text that an execution wrote on its standard error. */
  notes(execution: string): string {
    const rows = this.store.query(queries.outputs, { executionId: execution }).filter((row) => row.stream === "stderr");
    return rows.flatMap((row) => this.store.query(queries.chunks, { outputId: row.id, after: -1 }).map((chunk) => chunk.text)).join("");
  }
}
