// What benchmarks/measures/ts.py calls in a real browser: a store on a backend in the same page, so that nothing but the store is
// measured. The log is what a day of work leaves, and the readers are those of the app.
import { DEFAULT_LIMITS, type LogEvent, queries } from "@runt/schema";
import type { SocketFactory } from "../src/connection";
import type { ImageOffer } from "../src/frames";
import { createStore, type Store } from "../src/index";

const CELLS = 50;
const LINES = 6;
const FRAME_EVENTS = 1_000;
/** In a trace, what comes before this is not measured. */
const BEGUN = "begun";

type Pair = readonly [name: string, args: Readonly<Record<string, unknown>>];

/** Cells that run again and again, each run with a few lines and a result. */
function dayOfWork(count: number): LogEvent[] {
  const made: Pair[] = [];
  for (let place = 0; place < CELLS; place += 1) {
    const position = `a${String.fromCharCode(65 + (place % 26))}${place < 26 ? "V" : Math.floor(place / 26)}`;
    made.push(["v1.CellCreated", { cellId: `c${place}`, cellType: "code", position, source: "train()" }]);
  }
  const session = { sessionId: "session", runtimeId: "benchmark", runtimeType: "python", capabilities: ["code"], info: "{}" };
  made.push(["v1.RuntimeSessionStarted", { ...session, lostAfterMs: 86_400_000, startedMs: 0 }]);
  made.push(["v1.RuntimeSessionStatusSet", { sessionId: "session", status: "ready" }]);
  for (let run = 0; made.length < count; run += 1) made.push(...oneRun(run));
  return made.slice(0, count).map(([name, args], place) => [name, args, "ada", "theirs", place + 1]);
}

function oneRun(run: number): Pair[] {
  const of = { executionId: `e${run}`, sessionId: "session" };
  const lines = Array.from({ length: LINES }, (_, n): Pair => {
    return ["v1.StreamAppended", { ...of, outputId: `s${run}`, stream: "stdout", n, text: `epoch ${n}: loss 0.${run}\n` }];
  });
  const bundle = { "text/plain": { type: "inline", data: "0.93" } };
  return [
    ["v1.ExecutionRequested", { executionId: of.executionId, cellId: `c${run % CELLS}`, source: "train()", requestedMs: run }],
    ["v1.ExecutionStarted", { ...of, executionCount: run, startedMs: run }],
    ...lines,
    ["v1.ResultAdded", { ...of, outputId: `r${run}`, executionCount: run, bundle, metadata: "{}" }],
    ["v1.ExecutionFinished", { ...of, status: "ok", finishedMs: run }],
  ];
}

/** A backend that has a log, and gives it as the server does: as text, in frames of at most 1,000 events. */
class PageBackend {
  readonly log: LogEvent[];
  offer: ImageOffer | null = null;
  private send: (frame: object) => void = () => {};

  constructor(log: LogEvent[]) {
    this.log = log;
  }

  readonly openSocket: SocketFactory = (_url, _protocol, handlers) => {
    this.send = (frame) => {
      setTimeout(() => {
        const text = JSON.stringify(frame);
        setTimeout(() => handlers.received(text));
      });
    };
    setTimeout(() => handlers.opened());
    return { send: (text) => this.received(JSON.parse(text)), close: () => {} };
  };

  append(events: readonly LogEvent[]): void {
    this.log.push(...events);
    this.send({ t: "events", first: this.log.length - events.length + 1, events });
  }

  private received(frame: { readonly t: string; readonly head?: number; readonly snapshot?: boolean }): void {
    if (frame.t === "hello") {
      const user = { id: "ada", name: "Ada", role: "owner" };
      const snapshot = frame.snapshot === true && this.offer !== null ? { snapshot: this.offer } : {};
      this.send({ t: "welcome", backend: "page", head: this.log.length, user, limits: DEFAULT_LIMITS, ...snapshot });
    } else if (frame.t === "from") {
      for (let from = frame.head ?? 0; from < this.log.length; from += FRAME_EVENTS)
        this.send({ t: "events", first: from + 1, events: this.log.slice(from, from + FRAME_EVENTS) });
    }
  }
}

async function open(backend: PageBackend, wasm: ArrayBuffer, image?: Uint8Array<ArrayBuffer>): Promise<Store> {
  return createStore({
    storeId: "benchmark",
    url: location.origin,
    wasm,
    socketFactory: backend.openSocket,
    imageSource: () => (image === undefined ? Promise.reject(new Error("there is none")) : Promise.resolve(image)),
  });
}

/** Read as the app's cells, outputs and panels do. */
function readAll(store: Store): void {
  store.subscribe(queries.cells, {}, () => {});
  store.subscribe(queries.metadata, {}, () => {});
  store.subscribe(queries.openExecutions, {}, () => {});
  store.subscribe(queries.activeSession, {}, () => {});
  store.subscribe(queries.latestSession, {}, () => {});
  store.subscribe(queries.pendingInputs, {}, () => {});
  for (let place = 0; place < CELLS; place += 1) {
    let end = (): void => {};
    store.subscribe(queries.latestExecution, { cellId: `c${place}` }, ([execution]) => {
      end();
      if (execution === undefined) return;
      const stops = [store.subscribe(queries.outputs, { executionId: execution.id }, () => {})];
      stops.push(store.subscribeText(`s${execution.id.slice(1)}`, () => {}));
      end = () => {
        for (const stop of stops) stop();
      };
    });
  }
}

function reached(store: Store, head: number): Promise<void> {
  return new Promise((resolve) => store.subscribeStatus((status) => status.head >= head && resolve()));
}

/** Measure gaps between frames of the display while something is done. */
async function longestFrame(work: () => Promise<void>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  let on = true;
  const tick = (now: number): void => {
    longest = Math.max(longest, now - last);
    last = now;
    if (on) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  await work();
  on = false;
  return longest;
}

const shown = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())));

/** Open a notebook with so many events, event by event; then from an image of it. */
async function boot(events: number, wasm: ArrayBuffer): Promise<Record<string, number>> {
  const backend = new PageBackend(dayOfWork(events));
  await shown();
  performance.mark(BEGUN);
  let begun = performance.now();
  const store = await open(backend, wasm);
  readAll(store);
  const replay = { longest: 0, ms: 0 };
  replay.longest = await longestFrame(() => reached(store, events));
  replay.ms = performance.now() - begun;
  // biome-ignore lint/complexity/useLiteralKeys: the replica is private; its image is what the server would have
  const image = store["replica"].image();
  store.close();
  const digest = Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", image)), (byte) => byte.toString(16).padStart(2, "0"));
  backend.offer = { seq: events, url: "/image", sizeBytes: image.length, sha256: digest.join("") };
  await shown();
  begun = performance.now();
  const other = await open(backend, wasm, image);
  readAll(other);
  await reached(other, events);
  const snapshotMs = performance.now() - begun;
  other.close();
  return { replayMs: replay.ms, replayFrameMs: replay.longest, snapshotMs, imageBytes: image.length };
}

/** Let so many events a second arrive for some seconds, above a log that is there already. */
async function live(events: number, perSecond: number, seconds: number, wasm: ArrayBuffer): Promise<Record<string, number>> {
  const all = dayOfWork(events + perSecond * seconds);
  const backend = new PageBackend(all.slice(0, events));
  const store = await open(backend, wasm);
  readAll(store);
  await reached(store, events);
  await shown();
  performance.mark(BEGUN);
  let lagMs = 0;
  const longest = await longestFrame(async () => {
    const begun = performance.now();
    while (backend.log.length < all.length) {
      const due = Math.min(all.length, events + Math.floor(((performance.now() - begun) / 1000) * perSecond));
      if (due > backend.log.length) backend.append(all.slice(backend.log.length, due));
      await new Promise((done) => setTimeout(done, 8));
    }
    const sent = performance.now();
    await reached(store, all.length);
    lagMs = performance.now() - sent;
  });
  store.close();
  return { longestFrameMs: longest, lagMs };
}

Object.assign(globalThis, { boot, live });
