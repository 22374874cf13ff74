// The live channel: ephemeral messages with answers. Nothing of it enters the log, and nothing is kept for later.

import type { Json } from "@runt/schema";
import type { Clock } from "./clock";
import { LiveTimeoutError } from "./errors";
import type { ClientFrame, LiveFrame } from "./frames";

/** An ephemeral message; `sender` is a store session, `clientId` its authenticated user. */
export interface LiveMessage {
  readonly topic: string;
  readonly data: Json;
  readonly sender: string;
  readonly clientId: string;
}

/** Answers one live message; the answer is its acknowledgement. */
export type LiveHandler = (message: LiveMessage) => Json | Promise<Json>;

const ACK_TOPIC = "ack";
const ANSWER_MS = 5_000;

interface Waiting {
  readonly settle: (answer: Json) => void;
  readonly fail: (reason: string) => void;
}

export class LiveChannel {
  private readonly clock: Clock;
  private readonly newId: () => string;
  private readonly transmit: (frame: ClientFrame) => boolean;
  private readonly handlers = new Map<string, LiveHandler>();
  private readonly waiting = new Map<string, Waiting>();

  /** @param transmit - sends a frame, or tells that there is no connection */
  constructor(clock: Clock, newId: () => string, transmit: (frame: ClientFrame) => boolean) {
    this.clock = clock;
    this.newId = newId;
    this.transmit = transmit;
  }

  /** Send to all others, or to one store session and wait for its answer. */
  send(topic: string, data: Json, to: string | undefined): Promise<Json> {
    if (to === undefined) {
      return this.transmit({ t: "live", topic, data })
        ? Promise.resolve(null)
        : Promise.reject(new LiveTimeoutError(topic, "there is no connection"));
    }
    const id = this.newId();
    return new Promise((resolve, reject) => {
      const done = (act: () => void): void => {
        cancel();
        this.waiting.delete(id);
        act();
      };
      const fail = (reason: string): void => done(() => reject(new LiveTimeoutError(topic, reason)));
      const cancel = this.clock.setTimer(ANSWER_MS, () => fail(`no answer within ${ANSWER_MS / 1000} s`));
      this.waiting.set(id, { settle: (answer) => done(() => resolve(answer)), fail });
      if (!this.transmit({ t: "live", topic, data, to, id })) fail("there is no connection");
    });
  }

  /** Answer messages of one topic; a later handler of the same topic replaces an earlier one. */
  on(topic: string, handler: LiveHandler): () => void {
    this.handlers.set(topic, handler);
    return () => {
      if (this.handlers.get(topic) === handler) this.handlers.delete(topic);
    };
  }

  /** A message came. One that nobody here handles is left unanswered, and its sender learns so by time. */
  received(frame: LiveFrame): void {
    if (frame.topic === ACK_TOPIC) {
      if (frame.id !== undefined) this.waiting.get(frame.id)?.settle(frame.data);
      return;
    }
    const handler = this.handlers.get(frame.topic);
    if (handler !== undefined) void this.answer(frame, handler);
  }

  /** Nobody will answer any more. */
  close(): void {
    for (const waiting of [...this.waiting.values()]) waiting.fail("the store is closed");
    this.handlers.clear();
  }

  private async answer(frame: LiveFrame, handler: LiveHandler): Promise<void> {
    const { topic, data, from, id } = frame;
    const answer = await handler({ topic, data, sender: from.session, clientId: from.user });
    if (id !== undefined) this.transmit({ t: "live", topic: ACK_TOPIC, data: answer, to: from.session, id });
  }
}
