// What widgets in this page have to say to the runtime and could not yet: updates of one comm become one, so that what moves fast
// is said as often as the runtime can hear it, and its last value always is. Pure.
import { type CommMessage, isUpdate, stateOf } from "./comms";

/** Beyond these, code in a frame says more than anybody can mean. */
export const MOST_WAITING = 1_000;
export const MOST_CHARACTERS = 40_000_000;

export class CommOutbox {
  #waiting: CommMessage[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Put a message behind the others; tells whether there was room for it. */
  add(message: CommMessage): boolean {
    const at = this.#partnerOf(message);
    const partner = this.#waiting[at];
    if (partner !== undefined) {
      this.#waiting[at] = merged(partner, message);
      return true;
    }
    const size = message.buffers.reduce((sum, buffer) => sum + buffer.length, 0);
    if (this.#waiting.length >= MOST_WAITING || size > MOST_CHARACTERS) return false;
    this.#waiting.push(message);
    return true;
  }

  /** Everything that waits, to be sent. */
  takeAll(): readonly CommMessage[] {
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  /** Nobody knows whether these arrived: state is said again, unless it is old by now; other messages are not said twice. */
  putBack(messages: readonly CommMessage[]): void {
    const since = this.takeAll();
    for (const message of [...messages.filter(isUpdate), ...since]) this.add(message);
  }

  clear(): void {
    this.#waiting = [];
  }

  /** An update of the same comm that nothing but updates stand behind. */
  #partnerOf(message: CommMessage): number {
    if (!isMergeable(message)) return -1;
    for (let at = this.#waiting.length - 1; at >= 0; at -= 1) {
      const waiting = this.#waiting[at];
      if (waiting === undefined || !isMergeable(waiting)) return -1;
      if (waiting.commId === message.commId) return takesBack(waiting, message) ? -1 : at;
    }
    return -1;
  }
}

function isMergeable(message: CommMessage): boolean {
  return isUpdate(message) && message.buffers.length === 0;
}

/** Some widgets say things by traits that they empty right after: both are said. */
function takesBack(earlier: CommMessage, later: CommMessage): boolean {
  const said = stateOf(earlier);
  return Object.entries(stateOf(later)).some(([key, value]) => value === null && (said[key] ?? null) !== null);
}

function merged(earlier: CommMessage, later: CommMessage): CommMessage {
  return { ...later, data: { ...later.data, state: { ...stateOf(earlier), ...stateOf(later) } } };
}
