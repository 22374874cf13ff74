// The blocking `input()`: the worker's thread sleeps while the page asks people and waits for their line. A password comes
// over the live channel and never enters the log. One question at a time, as there is one thread.

import { type InputRequestRow, type Json, queries } from "@runt/schema";
import type { LiveMessage, RuntimeStore, Unsubscribe } from "@runt/store";
import type { InputMessage } from "./messages";
import { isRefusal, type Outbox } from "./outbox";
import { cleanText, cutText } from "./text";

/** Tells the worker's thread the line, or why there is none. */
export type InputReply = (id: number, text: string | null, problem: string | null) => void;

interface Asked {
  readonly id: number;
  readonly requestId: string;
  readonly password: boolean;
  stop: Unsubscribe;
}

const PROMPT_LIMIT_BYTES = 8 * 1024;
const OVER = "the execution ended before anybody answered";

export class BlockingInputs {
  private readonly store: RuntimeStore;
  private readonly outbox: Outbox;
  private readonly reply: InputReply;
  private asked: Asked | null = null;

  constructor(store: RuntimeStore, outbox: Outbox, reply: InputReply) {
    this.store = store;
    this.outbox = outbox;
    this.reply = reply;
  }

  /** Ask for a line; whoever calls has committed the text that stands before. */
  ask(message: InputMessage): void {
    // The thread has left an earlier question, by an interrupt: its late reply must not be taken for this one's.
    this.close();
    const { id, execution, session, password } = message;
    const requestId = this.store.newId();
    const prompt = cutText(cleanText(message.prompt), PROMPT_LIMIT_BYTES);
    const sent = this.outbox.commit("v1.InputRequested", { requestId, executionId: execution, sessionId: session, prompt, password }, 0);
    if (isRefusal(sent)) {
      this.reply(id, null, sent.message);
      return;
    }
    const asked: Asked = { id, requestId, password, stop: () => {} };
    this.asked = asked;
    asked.stop = this.store.subscribe(queries.inputRequest, { requestId }, (rows) => this.see(asked, rows), { confirmed: true });
    void sent.then((decision) => {
      if (isRefusal(decision)) this.finish(asked, null, decision.message);
      else if (!decision.applied) this.finish(asked, null, OVER);
    });
  }

  /** Take an `input.reply` that is a password for the open question; null when it is not. */
  receive(message: LiveMessage): Json | null {
    const { asked } = this;
    // Anything but an object with these fields has none of them.
    const fields = Object(message.data) as { readonly requestId?: unknown; readonly value?: unknown };
    if (!asked?.password || fields.requestId !== asked.requestId) return null;
    if (typeof fields.value !== "string") return { ok: false, problem: "input.reply needs requestId and value" };
    this.finish(asked, fields.value, null);
    this.outbox.commit("v1.InputReplied", { requestId: asked.requestId }, 0);
    return { ok: true };
  }

  /** Wait no more, and tell nobody. */
  close(): void {
    this.asked?.stop();
    this.asked = null;
  }

  private see(asked: Asked, rows: readonly InputRequestRow[]): void {
    for (const row of rows) {
      if (row.status === "answered" && row.value !== null) this.finish(asked, row.value, null);
      else if (row.status === "closed") this.finish(asked, null, OVER);
    }
  }

  private finish(asked: Asked, text: string | null, problem: string | null): void {
    if (this.asked !== asked) return;
    this.close();
    this.reply(asked.id, text, problem);
  }
}
