// The control buffer: shared memory by which the frame reaches a worker whose thread is busy. The frame writes, the
// worker reads, and blocks on it. It exists only where the page is cross-origin isolated.
//
// int32 1 TARGET, 2 WAKE, 3 TAKEN, 4 REPLY_ID, 5 REPLY_LENGTH; byte 0 is Pyodide's interrupt buffer; a reply's UTF-8
// stands from byte 64. A REPLY_LENGTH below 0 is the complement of the length: nobody can answer, and the text says why.

const CONTROL_BYTES = 64 * 1024;
const SIGINT = 2;
const TARGET = 1;
const WAKE = 2;
const TAKEN = 3;
const REPLY_ID = 4;
const REPLY_LENGTH = 5;
const REPLY_AT = 64;
const REPLY_BYTES = CONTROL_BYTES - REPLY_AT;

/** An answer to a blocking `input()`: a text, or why there is none. */
export type ControlReply = { readonly text: string } | { readonly problem: string };

/** Make the buffer, or nothing where the page is not isolated. */
export function makeControlBuffer(isolated: boolean): SharedArrayBuffer | null {
  return isolated ? new SharedArrayBuffer(CONTROL_BYTES) : null;
}

/** The frame's side. */
export class ControlWriter {
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
  }

  /** Interrupt the execution with this number, and no other. */
  interrupt(number: number): void {
    Atomics.store(this.#words, TARGET, number);
    Atomics.store(this.#bytes, 0, SIGINT);
    this.#wake();
  }

  /** Tell how many UTF-16 units of text the page has taken since the worker began, modulo 2^31. */
  taken(units: number): void {
    Atomics.store(this.#words, TAKEN, units);
    this.#wake();
  }

  /** Answer an input; a text that is too long is cut at a character. */
  reply(id: number, reply: ControlReply): void {
    const text = "text" in reply ? reply.text : reply.problem;
    let bytes = new TextEncoder().encode(text);
    if (bytes.length > REPLY_BYTES) bytes = bytes.subarray(0, cutAt(bytes, REPLY_BYTES));
    this.#bytes.set(bytes, REPLY_AT);
    Atomics.store(this.#words, REPLY_LENGTH, "text" in reply ? bytes.length : ~bytes.length);
    Atomics.store(this.#words, REPLY_ID, id);
    this.#wake();
  }

  #wake(): void {
    Atomics.add(this.#words, WAKE, 1);
    Atomics.notify(this.#words, WAKE);
  }
}

/**
 * The one byte that Pyodide reads and then sets to 0, in two steps: an interrupt that comes between them would be lost.
 * So only a byte that was read is taken away.
 */
export class InterruptBuffer {
  readonly #bytes: Uint8Array;
  #read = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get 0(): number {
    this.#read = Atomics.load(this.#bytes, 0);
    return this.#read;
  }

  set 0(value: number) {
    if (this.#read !== 0) Atomics.compareExchange(this.#bytes, 0, this.#read, value);
  }
}

/** The worker's side. */
export class ControlReader {
  /** What Pyodide looks at between bytecodes. */
  readonly interruptBuffer: InterruptBuffer;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  #seen = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.#bytes = new Uint8Array(buffer);
    this.interruptBuffer = new InterruptBuffer(this.#bytes);
    this.#words = new Int32Array(buffer);
  }

  /** Block until the frame has written something since the last wait, or `ms` have passed. */
  wait(ms: number): void {
    Atomics.wait(this.#words, WAKE, this.#seen, ms);
    this.#seen = Atomics.load(this.#words, WAKE);
  }

  taken(): number {
    return Atomics.load(this.#words, TAKEN);
  }

  /** The number of the execution that the last interrupt is for. */
  target(): number {
    return Atomics.load(this.#words, TARGET);
  }

  /** The answer to this input, once it is there. */
  reply(id: number): ControlReply | null {
    if (Atomics.load(this.#words, REPLY_ID) !== id) return null;
    const length = Atomics.load(this.#words, REPLY_LENGTH);
    // A copy: no decoder takes shared memory.
    const text = new TextDecoder().decode(this.#bytes.slice(REPLY_AT, REPLY_AT + (length < 0 ? ~length : length)));
    return length < 0 ? { problem: text } : { text };
  }
}

/** The largest cut at or below `limit` that does not split a character. */
function cutAt(bytes: Uint8Array, limit: number): number {
  let cut = limit;
  while (cut > 0 && ((bytes[cut] ?? 0) & 0xc0) === 0x80) cut -= 1;
  return cut;
}
