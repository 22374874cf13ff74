// Live messages between the worker and others' stores: which topics reach it, its answers, and what it sends itself.

import type { Json } from "@runt/schema";
import type { LiveMessage, RuntimeStore, Unsubscribe } from "@runt/store";
import type { AnswerMessage, LiveRequestMessage, PageMessage } from "./messages";
import { allows, type Policy } from "./policy";

interface Ports {
  readonly store: RuntimeStore;
  readonly policy: Policy;
  readonly post: (message: PageMessage) => void;
  /** Takes an `input.reply` that the page itself waits for; null when it does not. */
  readonly receiveInput: (message: LiveMessage) => Json | null;
  readonly onProblem: (problem: string) => void;
}

const INPUT_TOPIC = "input.reply";
const MOST_TOPICS = 64;
const MOST_OPEN = 256;

export class PortLive {
  private readonly ports: Ports;
  private readonly heard = new Map<string, Unsubscribe>();
  private readonly delivered = new Map<number, (answer: Json) => void>();
  private readonly stopInput: Unsubscribe;
  private sending = 0;
  private lastId = 0;

  constructor(ports: Ports) {
    this.ports = ports;
    this.stopInput = ports.store.onLive(INPUT_TOPIC, (message) => this.hearInput(message));
  }

  /** The worker wants to hear a topic. */
  hear(topic: string): void {
    const { policy, store, onProblem } = this.ports;
    if (policy.pageHears.has(topic) || this.heard.has(topic)) return;
    if (!allows(policy.hears, topic) || this.heard.size >= MOST_TOPICS) {
      onProblem(`it may not hear ${topic}`);
      return;
    }
    this.heard.set(topic, topic === INPUT_TOPIC ? () => {} : store.onLive(topic, (message) => this.deliver(message)));
  }

  /** The worker wants to hear it no more. */
  unhear(topic: string): void {
    this.heard.get(topic)?.();
    this.heard.delete(topic);
  }

  /** Give a message to the worker; waits for its answer, for ever where none comes: the sender knows how long to wait. */
  deliver(message: LiveMessage): Promise<Json> {
    const { topic, data, sender, clientId } = message;
    this.lastId += 1;
    const id = this.lastId;
    const [oldest] = this.delivered.keys();
    if (this.delivered.size >= MOST_OPEN && oldest !== undefined) this.delivered.delete(oldest);
    return new Promise((resolve) => {
      this.delivered.set(id, resolve);
      this.ports.post({ t: "live", id, topic, data, sender, clientId });
    });
  }

  /** The worker answers what was delivered. */
  answer(message: AnswerMessage): void {
    const resolve = this.delivered.get(message.id);
    this.delivered.delete(message.id);
    if (resolve === undefined) this.ports.onProblem("it answered what nobody asked");
    else resolve(message.data);
  }

  /** The worker sends a message. */
  send(message: LiveRequestMessage): void {
    const { policy, post, store } = this.ports;
    const { id, topic, data, to } = message;
    if (!allows(policy.sends, topic) || this.sending >= MOST_OPEN) {
      const message = allows(policy.sends, topic) ? "too many messages wait for an answer" : `this runtime may not send ${topic}`;
      post({ t: "unanswered", id, message });
      return;
    }
    this.sending += 1;
    store.sendLive(topic, data, to === undefined ? {} : { to }).then(
      (answer) => {
        this.sending -= 1;
        post({ t: "answered", id, data: answer });
      },
      (error: unknown) => {
        this.sending -= 1;
        post({ t: "unanswered", id, message: error instanceof Error ? error.message : String(error) });
      },
    );
  }

  close(): void {
    this.stopInput();
    for (const stop of this.heard.values()) stop();
    this.heard.clear();
    this.delivered.clear();
  }

  private hearInput(message: LiveMessage): Json | Promise<Json> {
    const taken = this.ports.receiveInput(message);
    if (taken !== null) return taken;
    if (this.heard.has(INPUT_TOPIC)) return this.deliver(message);
    return { ok: false, problem: "nothing waits for this reply any more" };
  }
}
