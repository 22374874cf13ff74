// Joins the widgets in this page to the runtime: keeps the open comms, gives each view what it needs of them, and carries messages
// between frames and runtime. What is said and in which form is model/comm*.ts; how it travels is the link's.
import type { Json } from "@runt/schema";
import { CommEchoes } from "../model/comm-echoes";
import { CommOutbox } from "../model/comm-outbox";
import { Joiner, piecesOf } from "../model/comm-pieces";
import { type CommMessage, isUpdate, OpenComms, readComm, referencesIn, stateOf } from "../model/comms";

/** Messages to the runtime go no faster than this; what is said meanwhile goes together. */
const BEAT_MS = 33;
const RETRY_MS = 1_000;
/** So long after the last repetition of something old, nothing newer is to be expected. */
const SETTLED_MS = 1_000;
/** An output may come before the comm that it shows. After so long the runtime is asked whether it has it. */
const LATE_MS = 3_000;

export type Sent = "taken" | "refused" | "lost";

/** The way to the runtime. */
export interface CommLink {
  /** The session that can be talked to now, or null. */
  readonly sessionId: () => string | null;
  readonly isConnected: () => boolean;
  /** Send the runtime a message; `lost` says that it may not have come there. */
  readonly send: (topic: "runtime.comm" | "runtime.comms", data: Readonly<Record<string, Json>>) => Promise<Sent>;
  /** Hear what the runtime of the session that is active says under `runtime.comm`. */
  readonly onPiece: (listener: (data: Readonly<Record<string, Json>>) => void) => () => void;
  /** Hear that the session or the connection changed. */
  readonly onChange: (listener: () => void) => () => void;
}

/** `closed`: user code took the widget away. `unknown`: the runtime has no such widget. `silent`: it does not answer. */
export type WidgetStatus = "loading" | "live" | "closed" | "unknown" | "silent";

/** What a frame is told. */
export interface CommsForFrame {
  readonly comms: readonly CommMessage[];
}

/** One view of a model; whoever made it closes it. */
export interface WidgetView {
  /** A frame is ready: post it what there is, and whatever comes. */
  readonly connect: (post: (content: CommsForFrame) => void) => void;
  /** Take what the frame says, which may be anything. */
  readonly heard: (message: unknown) => void;
  readonly close: () => void;
}

interface View {
  readonly modelId: string;
  readonly onStatus: (status: WidgetStatus) => void;
  status: WidgetStatus;
  post: ((content: CommsForFrame) => void) | null;
  /** The comms that its frame has. */
  known: Set<string>;
}

export class CommHub {
  readonly #link: CommLink;
  readonly #comms = new OpenComms();
  readonly #echoes = new CommEchoes();
  readonly #outbox = new CommOutbox();
  readonly #views = new Set<View>();
  #stop: (() => void) | null = null;
  #joiner = new Joiner();
  #sessionId: string | null = null;
  #connected = false;
  /** Whether all that is open has been asked for on this connection. */
  #asked = false;
  #askQueued = false;
  /** Whose models each list of all comms that is on its way decides about. */
  readonly #asking: ReadonlySet<View>[] = [];
  #sending = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #settling: ReturnType<typeof setTimeout> | undefined;

  constructor(link: CommLink) {
    this.#link = link;
  }

  /** Show a model; the status is told at once and whenever it changes. */
  view(modelId: string, onStatus: (status: WidgetStatus) => void): WidgetView {
    const view: View = { modelId, onStatus, status: "loading", post: null, known: new Set() };
    this.#views.add(view);
    this.#start();
    if (this.#comms.has(modelId)) view.status = "live";
    else if (this.#asked) this.#askLater(view);
    onStatus(view.status);
    this.#look();
    return {
      connect: (post) => {
        view.post = post;
        view.known = new Set(this.#comms.reachable(modelId));
        post({ comms: this.#reopened(view.known) });
      },
      heard: (message) => this.#heard(view, message),
      close: () => {
        view.post = null;
        this.#views.delete(view);
      },
    };
  }

  /** End; nobody is called back any more. */
  close(): void {
    this.#stop?.();
    this.#stop = null;
    this.#views.clear();
    clearTimeout(this.#timer);
    clearTimeout(this.#settling);
  }

  #start(): void {
    if (this.#stop !== null) return;
    const stops = [this.#link.onPiece((data) => this.#piece(data)), this.#link.onChange(() => this.#look())];
    this.#stop = () => {
      for (const stop of stops) stop();
    };
  }

  // --- the session and its comms as a whole

  #look(): void {
    const sessionId = this.#link.sessionId();
    const connected = this.#link.isConnected();
    if (sessionId !== this.#sessionId) {
      this.#sessionId = sessionId;
      this.#forget();
    }
    if (connected && !this.#connected) {
      this.#asking.length = 0;
      this.#asked = false;
    }
    this.#connected = connected;
    this.#pump();
    if (this.#asked || this.#askQueued || !connected || sessionId === null) return;
    this.#askQueued = true;
    // Views that appear together are one reason to ask.
    queueMicrotask(() => {
      this.#askQueued = false;
      if (this.#stop !== null && this.#views.size > 0) void this.#ask(sessionId);
    });
  }

  #forget(): void {
    this.#comms.forget();
    this.#echoes.forget();
    this.#outbox.clear();
    this.#joiner = new Joiner();
    this.#asking.length = 0;
    this.#asked = false;
    for (const view of this.#views) this.#tell(view, "loading");
  }

  async #ask(sessionId: string): Promise<void> {
    this.#asked = true;
    this.#asking.push(new Set(this.#views));
    const sent = await this.#link.send("runtime.comms", { sessionId });
    if (sent === "taken" || sessionId !== this.#sessionId) return;
    this.#asking.pop();
    this.#asked = false;
    for (const view of this.#views) if (!this.#comms.has(view.modelId)) this.#tell(view, "silent");
  }

  #askLater(view: View): void {
    setTimeout(() => {
      if (view.status !== "loading" || !this.#views.has(view) || this.#asking.some((asked) => asked.has(view))) return;
      this.#asked = false;
      this.#look();
    }, LATE_MS);
  }

  // --- from the runtime

  #piece(data: Readonly<Record<string, Json>>): void {
    if (data.sessionId !== this.#sessionId || this.#sessionId === null) return;
    const list = this.#joiner.add(data);
    if (list === null) return;
    const first = list[0];
    const isWhole = typeof first === "object" && first !== null && "kind" in first && first.kind === "reset";
    const messages = list.map(readComm).filter((message) => message !== null);
    if (isWhole) this.#replace(messages);
    else this.#take(messages.map((message) => this.#echoes.admit(message)).filter((message) => message !== null));
    if (this.#echoes.holds) this.#settleSoon();
  }

  /** All comms there are. Frames that have some of them are brought up to date. */
  #replace(messages: readonly CommMessage[]): void {
    this.#comms.forget();
    this.#echoes.forget();
    for (const message of messages) this.#comms.take(message);
    const asked = this.#asking.shift();
    for (const view of this.#views) {
      const lives = this.#comms.has(view.modelId);
      if (view.post !== null && lives) {
        const reachable = this.#comms.reachable(view.modelId);
        const closed = [...view.known].filter((id) => !reachable.has(id)).map(closing);
        view.known = new Set(reachable);
        view.post({ comms: [...closed, ...this.#reopened(reachable)] });
      }
      if (lives) this.#tell(view, "live");
      else if (view.status === "live" || (view.status !== "closed" && asked?.has(view))) this.#tell(view, "unknown");
      else if (view.status === "loading") this.#askLater(view);
    }
  }

  #take(messages: readonly CommMessage[], from?: View): void {
    for (const message of messages) this.#comms.take(message);
    const joins = messages.some((message) => message.kind === "open" || referencesIn(stateOf(message)).length > 0);
    for (const view of this.#views) {
      if (view.post !== null && view !== from) this.#pass(view, messages, joins);
      if (this.#comms.has(view.modelId)) this.#tell(view, "live");
      else if (view.status === "live") this.#tell(view, "closed");
    }
  }

  /** Give a frame what concerns it, behind the comms that it needs from now on; `joins` says that there may be some. */
  #pass(view: View, messages: readonly CommMessage[], joins: boolean): void {
    const added = joins ? [...this.#comms.reachable(view.modelId)].filter((id) => !view.known.has(id)) : [];
    const fresh = new Set(added);
    for (const id of added) view.known.add(id);
    // A comm that is new here comes with its state; what else it said meanwhile is said after that.
    const own = messages.filter(
      (message) => view.known.has(message.commId) && message.kind !== "open" && !(fresh.has(message.commId) && isUpdate(message)),
    );
    for (const { kind, commId } of own) if (kind === "close") view.known.delete(commId);
    if (added.length + own.length > 0) view.post?.({ comms: [...this.#reopened(added), ...own] });
  }

  #settleSoon(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      if (this.#outbox.isEmpty && !this.#sending) this.#take(this.#echoes.settle());
      else this.#settleSoon();
    }, SETTLED_MS);
  }

  // --- from a frame

  #heard(view: View, value: unknown): void {
    const message = readComm(value);
    // A frame speaks of what it was given, and opens nothing: no widget in a page begins in the page.
    if (message === null || message.kind === "open" || !view.known.has(message.commId)) return;
    if (!this.#outbox.add(message)) return;
    if (isUpdate(message)) this.#echoes.said(message);
    if (message.kind === "close" || isUpdate(message)) this.#take([message], view);
    this.#pump();
  }

  #pump(): void {
    if (this.#sending || this.#outbox.isEmpty || !this.#connected || this.#sessionId === null) return;
    this.#sending = true;
    void this.#send(this.#outbox.takeAll(), this.#sessionId).then((sent) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(
        () => {
          this.#sending = false;
          if (this.#stop !== null) this.#pump();
        },
        sent === "lost" ? RETRY_MS : BEAT_MS,
      );
    });
  }

  async #send(messages: readonly CommMessage[], sessionId: string): Promise<Sent> {
    for (const piece of piecesOf(messages)) {
      const sent = await this.#link.send("runtime.comm", { sessionId, ...piece });
      if (sent === "taken") continue;
      if (sent === "lost" && sessionId === this.#sessionId) this.#outbox.putBack(messages);
      return sent;
    }
    return "taken";
  }

  #reopened(ids: Iterable<string>): readonly CommMessage[] {
    return [...ids].map((id) => this.#comms.reopened(id)).filter((message) => message !== null);
  }

  #tell(view: View, status: WidgetStatus): void {
    if (view.status === status) return;
    view.status = status;
    if (status !== "live") view.post = null;
    view.onStatus(status);
  }
}

function closing(commId: string): CommMessage {
  return { kind: "close", commId, data: {}, metadata: {}, buffers: [] };
}
