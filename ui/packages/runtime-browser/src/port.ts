// The page's end of a worker's port. It serves the agent in the worker from a store, owns the text, the blocking input and
// the uploads, and watches the traffic for the supervisor, which may end the worker and speaks for it then. User code can
// post anything on this port: nothing that comes makes it throw, and what does not fit is counted.

import { DEFAULT_LIMITS, type EventArgs, type EventName, type FinishStatus, type Json, type TerminationReason } from "@runt/schema";
import type { Clock, LiveMessage, RuntimeStore, StoreStatus, Unsubscribe } from "@runt/store";
import { InOrder, isOrdered, type OrderedMessage, type Released } from "./in-order";
import { BlockingInputs, type InputReply } from "./inputs";
import { type Busy, type Started, WorkerLife } from "./life";
import {
  type CommitMessage,
  type InputMessage,
  type Misfit,
  type PageMessage,
  type Phase,
  type Place,
  parseWorkerMessage,
  type WorkerMessage,
} from "./messages";
import { BOUNDS, type Bounds, type Decision, isRefusal, Outbox, type Refusal, TOO_MUCH } from "./outbox";
import { OUTPUT_EVENTS, POLICIES, type Policy, type PolicyName } from "./policy";
import { PortLive } from "./port-live";
import { PortReads } from "./port-reads";
import { cleanText, cutText } from "./text";
import { TextWriter } from "./text-writer";
import type { ArtifactUploads } from "./uploads";

/** What the supervisor hears, each optional. */
export interface PortCallbacks {
  /** User code is about to run. */
  readonly onBusy: (busy: Busy) => void;
  /** It no longer runs. */
  readonly onIdle: () => void;
  readonly onPhase: (phase: Phase) => void;
  /** What people may read while the worker loads something; "" when it is done. */
  readonly onProgress: (text: string) => void;
  /** The agent is over, and everything that it sent before is committed. */
  readonly onEnded: (reason: string, problem: string | null) => void;
  /** The agent asks for a fresh worker. */
  readonly onRestartWanted: () => void;
  /** UTF-16 units of text taken so far, modulo 2^31: for the frame. */
  readonly onTaken: (units: number) => void;
  /** The line for a blocking input, or why there is none: for the frame. */
  readonly onInputReply: InputReply;
  /** Something did not fit or was not recorded. */
  readonly onProblem: (problem: string) => void;
}

export interface PortHostOptions extends Partial<PortCallbacks> {
  readonly policy: PolicyName;
  readonly clock: Clock;
  readonly uploads: ArtifactUploads;
  readonly bounds?: Bounds;
  /** Gives a file of the distribution, whose bytes go to the worker for good. */
  readonly file: (name: string) => Promise<ArrayBuffer>;
  readonly welcome: { readonly config: Readonly<Record<string, Json>> };
}

const TEXT_LIMIT = 1024 * 1024; // UTF-16 units of one message; the agent sends less at a time
const PROGRESS_LIMIT = 1_000;
const PROBLEM_LIMIT_BYTES = 8 * 1024;
const NOTE_LIMIT = 1_000;
const ERROR_NAME_LIMIT = 256;
const MOST_FILES = 256;
const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9._+-]*$/;

export class PortHost {
  /** How much came that did not fit, was not allowed, or was not recorded. */
  problems = 0;

  private readonly port: MessagePort;
  private readonly store: RuntimeStore;
  private readonly options: PortHostOptions;
  private readonly policy: Policy;
  private readonly outbox: Outbox;
  private readonly text: TextWriter;
  private readonly inputs: BlockingInputs;
  private readonly order: InOrder;
  private readonly live: PortLive;
  private readonly reads: PortReads;
  private readonly life: WorkerLife;
  private readonly stopStatus: Unsubscribe;
  private connected: boolean;
  private lastCommit = 0;
  private files = 0;
  private over = false;
  private closed = false;

  /** Greets the worker and serves it from now on. */
  constructor(port: MessagePort, store: RuntimeStore, options: PortHostOptions) {
    this.port = port;
    this.store = store;
    this.options = options;
    const policy = POLICIES[options.policy];
    this.policy = policy;
    const { bounds = BOUNDS, clock, uploads } = options;
    const post = (message: PageMessage): void => this.post(message);
    const onProblem = (problem: string): void => this.problem(problem);
    this.outbox = new Outbox(store, bounds, () => this.text.tell());
    this.text = new TextWriter({
      outbox: this.outbox,
      clock,
      newId: () => store.newId(),
      intervalMs: store.textIntervalMs,
      onTaken: (units) => options.onTaken?.(units),
      onRefused: ({ code, message }) => this.problem(`text was not recorded (${code}): ${message}`),
    });
    this.inputs = new BlockingInputs(store, this.outbox, (id, text, problem) => options.onInputReply?.(id, text, problem));
    this.order = new InOrder({
      bounds,
      uploads,
      release: (message) => this.guarded(() => this.release(message)),
      overflow: (message) => this.overflow(message),
      onProblem,
    });
    this.life = new WorkerLife(store);
    this.live = new PortLive({ store, policy, post, onProblem, receiveInput: (message) => this.inputs.receive(message) });
    this.reads = new PortReads({ store, policy, post, onProblem });
    const { storeSessionId, clientId, status } = store;
    this.connected = status.connected;
    const limits = { eventBytes: DEFAULT_LIMITS.eventBytes };
    this.post({ t: "welcome", storeSessionId, clientId, status: standing(status), limits, config: options.welcome.config });
    this.stopStatus = store.subscribeStatus((now) => this.seeStatus(now));
    port.onmessageerror = () => this.problem("a message could not be read");
    port.onmessage = (event: MessageEvent<unknown>) => this.receive(event.data);
  }

  /** The runtime session that the worker began. */
  get sessionId(): string | null {
    return this.life.sessionId;
  }

  /** The execution whose start the worker sent, unless that was refused, until it is finished. */
  get startedExecution(): Started | null {
    return this.life.started;
  }

  /** Whether an execution is started and not finished. */
  get running(): boolean {
    return this.life.started !== null;
  }

  /** The user code that runs now. */
  get busy(): Busy | null {
    return this.life.busy;
  }

  /** The agent's state, as it last said. */
  get phase(): Phase {
    return this.life.phase;
  }

  /** Ask the agent to interrupt the user code of this number. */
  interrupt(number: number): void {
    this.post({ t: "interrupt", number });
  }

  /** Ask the agent to end: it finishes what runs, ends its session, and `onEnded` tells. */
  stop(): void {
    this.post({ t: "stop" });
  }

  /** Hand a live message to the agent, in place of the page; waits for its answer, for ever where none comes. */
  deliver(message: LiveMessage): Promise<Json> {
    return this.live.deliver(message);
  }

  /** Commit the text that was gathered. */
  flush(): void {
    this.text.flush();
  }

  /** Wait until nothing that the worker sent waits for an upload; `finishFor`, `terminate` and `close` give uploads up. */
  drained(): Promise<void> {
    return this.order.drained();
  }

  /**
   * End what the worker was doing in its place; nothing that it posts is taken any more.
   *
   * @param note - told on the execution's standard error
   */
  finishFor(status: FinishStatus, errorName?: string, errorValue?: string, note?: string): void {
    this.settle();
    const { started } = this.life;
    if (started === null) return;
    const { execution, session } = started;
    if (note !== undefined) this.text.note(started, cleanText(note).slice(0, NOTE_LIMIT));
    const error: { errorName?: string; errorValue?: string } = {};
    if (errorName !== undefined) error.errorName = cutText(cleanText(errorName), ERROR_NAME_LIMIT);
    if (errorValue !== undefined) error.errorValue = cutText(cleanText(errorValue), PROBLEM_LIMIT_BYTES);
    const place = { executionId: execution, sessionId: session };
    if (status === "error") {
      const { errorName: name = "", errorValue: value = "" } = error;
      this.commit("v1.ErrorAdded", { outputId: this.store.newId(), ...place, name, value, traceback: [] }, 0);
    }
    this.commit("v1.ExecutionFinished", { ...place, status, ...error, finishedMs: this.options.clock.nowMs() }, 0);
  }

  /**
   * End the worker's session in its place; nothing that it posts is taken any more.
   *
   * @returns what becomes of the event; null when there is no session, or its end was told already
   */
  terminate(reason: TerminationReason): Promise<Decision> | null {
    this.settle();
    const { sessionId } = this.life;
    const allowed = this.life.endReason(reason);
    if (sessionId === null || allowed === null) return null;
    const sent = this.commit("v1.RuntimeSessionTerminated", { sessionId, reason: allowed }, 0);
    return isRefusal(sent) ? Promise.resolve(sent) : sent;
  }

  /** End: what was taken is committed, nobody is called and nothing is posted any more. Calling it again does nothing. */
  close(): void {
    if (this.closed) return;
    this.settle();
    this.closed = true;
    this.stopStatus();
    this.live.close();
    this.reads.close();
    this.life.close();
    this.outbox.close();
    this.port.onmessage = this.port.onmessageerror = null;
    this.port.close();
  }

  private settle(): void {
    if (this.over) return;
    // In this order: what waited for an upload is still the worker's.
    this.order.abandon();
    this.over = true;
    this.text.flush();
    this.text.close();
    this.inputs.close();
    this.life.busy = null;
  }

  // --- what comes

  private receive(data: unknown): void {
    if (this.over) return;
    this.guarded(() => {
      const message = parseWorkerMessage(data);
      if (message.t === "misfit") this.reject(message);
      else if (isOrdered(message)) this.order.offer(message);
      else this.handle(message);
    });
  }

  /** Whatever user code made happen, it must not hurt the page. */
  private guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.problem(error instanceof Error ? error.message : String(error));
    }
  }

  private handle(message: Exclude<WorkerMessage, OrderedMessage>): void {
    const { options, life } = this;
    switch (message.t) {
      case "subscribe":
        this.reads.subscribe(message);
        break;
      case "unsubscribe":
        this.reads.unsubscribe(message.id);
        break;
      case "hear":
        this.live.hear(message.topic);
        break;
      case "unhear":
        this.live.unhear(message.topic);
        break;
      case "live":
        this.live.send(message);
        break;
      case "answer":
        this.live.answer(message);
        break;
      case "phase":
        life.phase = message.phase;
        options.onPhase?.(message.phase);
        break;
      case "progress":
        options.onProgress?.(cleanText(message.text.slice(0, PROGRESS_LIMIT)));
        break;
      case "busy":
        life.busy = { execution: message.execution, number: message.number };
        options.onBusy?.(life.busy);
        break;
      case "idle":
        this.idle(message.execution);
        break;
      case "restart":
        options.onRestartWanted?.();
        break;
      case "file":
        this.give(message.id, message.name);
        break;
      default:
        message satisfies never;
    }
  }

  private idle(execution: string): void {
    if (this.life.busy?.execution === execution) {
      this.life.busy = null;
      this.options.onIdle?.();
    } else this.problem("idle does not name what is busy");
  }

  private release(message: Released): void {
    switch (message.t) {
      case "text":
        this.text.write(message.text.slice(0, TEXT_LIMIT));
        this.text.drop(Math.max(0, message.text.length - TEXT_LIMIT));
        break;
      case "dropped":
        this.text.drop(message.units);
        break;
      case "place":
        this.moveTo(message);
        break;
      case "commit":
        this.take(message);
        break;
      case "input":
        this.ask(message);
        break;
      case "ended": {
        const { reason, problem } = message;
        this.text.flush();
        this.options.onEnded?.(reason, problem && cutText(cleanText(problem), PROBLEM_LIMIT_BYTES));
        break;
      }
      default:
        message satisfies never;
    }
  }

  private moveTo({ execution, session, stream }: Place): void {
    const own = !this.policy.ownSessionOnly || this.life.owns(session);
    if (!own) this.problem("text is not of this runtime's session");
    this.text.moveTo(own ? { execution, session, stream } : null);
  }

  private take(message: CommitMessage): void {
    const { id, args, size } = message;
    if (id <= this.lastCommit) {
      this.problem("ids of commits must ascend");
      return;
    }
    this.lastCommit = id;
    // The store checks the name and the args against the schema.
    const name = message.name as EventName;
    const sent = this.refusal(name, message) ?? this.commit(name, args as unknown as EventArgs[EventName], size);
    if (isRefusal(sent)) this.answer(id, sent);
    else void sent.then((decision) => this.answer(id, decision));
  }

  private refusal(name: EventName, { args, size }: CommitMessage): Refusal | null {
    const objection = this.life.objection(this.policy, name, args);
    if (objection !== null) {
      this.problem(objection);
      return { code: "forbidden", message: objection };
    }
    const { bounds, undecidedBytes } = this.outbox;
    const isOutput = OUTPUT_EVENTS.has(name);
    if (undecidedBytes + size > (isOutput ? bounds.output : bounds.total)) return TOO_MUCH;
    if (!isOutput) return null;
    const lost = artifactsOf(args).map((sha256) => this.order.unkept.get(sha256));
    if (lost.includes("too-large")) return { code: "too-large", message: "its bytes found no room before they could be uploaded" };
    if (!lost.includes("ended")) return null;
    const message = "the runtime ended before its bytes were uploaded";
    if (typeof args.executionId === "string" && typeof args.sessionId === "string") {
      this.text.flush();
      this.text.note({ execution: args.executionId, session: args.sessionId }, `an output of this cell was not kept: ${message}`);
    }
    return { code: "missing-artifact", message };
  }

  private ask(message: InputMessage): void {
    const { id, session } = message;
    if (this.policy.ownSessionOnly && !this.life.owns(session)) {
      this.options.onInputReply?.(id, null, "this is not the runtime's session");
      this.problem("input is not of this runtime's session");
      return;
    }
    if (this.outbox.undecidedBytes > this.outbox.bounds.total) {
      this.overflow(message);
      return;
    }
    this.text.flush();
    this.inputs.ask(message);
  }

  private give(id: number, name: string): void {
    if (!FILE_NAME.test(name) || this.files >= MOST_FILES) {
      this.post({ t: "no-file", id, message: `${name} is no name of a file, or too many files are on their way` });
      return;
    }
    this.files += 1;
    this.options.file(name).then(
      (bytes) => {
        this.files -= 1;
        if (!this.closed) this.guarded(() => this.port.postMessage({ t: "file", id, bytes }, [bytes]));
      },
      (error: unknown) => {
        this.files -= 1;
        this.post({ t: "no-file", id, message: error instanceof Error ? error.message : String(error) });
      },
    );
  }

  private overflow(message: CommitMessage | InputMessage): void {
    if (message.t === "input") this.options.onInputReply?.(message.id, null, TOO_MUCH.message);
    else this.post({ t: "rejected", id: message.id, ...TOO_MUCH });
    this.problem(`${message.t} found no room`);
  }

  private reject({ about, problem }: Misfit): void {
    this.problem(problem);
    if (about?.t === "commit") this.post({ t: "rejected", id: about.id, code: "invalid", message: problem });
    else if (about?.t === "live") this.post({ t: "unanswered", id: about.id, message: problem });
    else if (about?.t === "file") this.post({ t: "no-file", id: about.id, message: problem });
    else if (about?.t === "input") this.options.onInputReply?.(about.id, null, problem);
  }

  // --- what goes

  /** Commit what stands behind all text so far. */
  private commit<N extends EventName>(name: N, args: EventArgs[N], sizeBytes: number): Promise<Decision> | Refusal {
    this.text.flush();
    if (OUTPUT_EVENTS.has(name) && "executionId" in args) this.text.cut(String(args.executionId));
    const sent = this.outbox.commit(name, args, sizeBytes);
    if (!isRefusal(sent)) this.life.committed(name, args, sent);
    return sent;
  }

  private answer(id: number, decision: Decision): void {
    if (isRefusal(decision)) this.post({ t: "rejected", id, code: decision.code, message: decision.message });
    else this.post({ t: "applied", id, seq: decision.seq, applied: decision.applied });
  }

  private seeStatus(status: StoreStatus): void {
    if (status.connected && !this.connected) this.options.uploads.retry();
    this.connected = status.connected;
    this.text.tell();
    this.post({ t: "status", ...standing(status) });
  }

  private post(message: PageMessage): void {
    if (!this.closed) this.port.postMessage(JSON.stringify(message));
  }

  private problem(problem: string): void {
    this.problems += 1;
    this.options.onProblem?.(problem);
  }
}

function standing({ connected, head, pending }: StoreStatus): { connected: boolean; head: number; pending: number } {
  return { connected, head, pending };
}

function artifactsOf(args: CommitMessage["args"]): string[] {
  const { bundle } = args;
  if (typeof bundle !== "object" || bundle === null) return [];
  return Object.values(bundle).flatMap((part: unknown) =>
    typeof part === "object" && part !== null && "sha256" in part && typeof part.sha256 === "string" ? [part.sha256] : [],
  );
}
