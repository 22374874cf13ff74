// The runtime repeats to all pages what a page told it. Of what this page changes, repetitions of older values would move a slider
// back under somebody's hand: they are held back until the newest value has come back. Pure.
import type { Json } from "@runt/schema";
import { type CommMessage, stateOf } from "./comms";

type State = Record<string, Json>;

export class CommEchoes {
  /** Per comm and key, the JSON text of the value that was said last and has not come back. */
  readonly #awaited = new Map<string, Map<string, string>>();
  readonly #held = new Map<string, State>();

  /** This page says this. */
  said(message: CommMessage): void {
    const keys = this.#awaited.get(message.commId) ?? new Map<string, string>();
    for (const [key, value] of Object.entries(stateOf(message))) keys.set(key, JSON.stringify(value));
    this.#awaited.set(message.commId, keys);
  }

  /** Take a message of the runtime; gives what of it is news here, or null. */
  admit(message: CommMessage): CommMessage | null {
    const awaited = this.#awaited.get(message.commId);
    if (message.kind !== "msg") {
      this.#awaited.delete(message.commId);
      this.#held.delete(message.commId);
      return message;
    }
    if (message.data.method !== "echo_update" || awaited === undefined || message.buffers.length > 0) return message;
    const held = this.#held.get(message.commId) ?? {};
    const state: State = {};
    for (const [key, value] of Object.entries(stateOf(message))) {
      const wanted = awaited.get(key);
      if (wanted === undefined || wanted === JSON.stringify(value)) {
        awaited.delete(key);
        delete held[key];
        state[key] = value;
      } else {
        held[key] = value;
      }
    }
    if (Object.keys(held).length > 0) this.#held.set(message.commId, held);
    else this.#held.delete(message.commId);
    return Object.keys(state).length === 0 ? null : { ...message, data: { ...message.data, state } };
  }

  /** Whether anything is held back. */
  get holds(): boolean {
    return this.#held.size > 0;
  }

  /** Nothing comes any more: what was held back is how it is. Somebody else had the last word. */
  settle(): readonly CommMessage[] {
    const held = [...this.#held].map(([commId, state]): CommMessage => {
      const awaited = this.#awaited.get(commId);
      for (const key of Object.keys(state)) awaited?.delete(key);
      return { kind: "msg", commId, data: { method: "update", state, buffer_paths: [] }, metadata: {}, buffers: [] };
    });
    this.#held.clear();
    return held;
  }

  forget(): void {
    this.#awaited.clear();
    this.#held.clear();
  }
}
