// One cell's source between its editor and the store: what to commit, what to take over, and the smallest change. Pure but for the timer.

/** Replace `from`..`to` by `insert`. */
export interface TextChange {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

export const COMMIT_DELAY_MS = 400;

/** Give the smallest single replacement that turns one text into the other, or null when they are equal. */
export function minimalChange(before: string, after: string): TextChange | null {
  if (before === after) return null;
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start += 1;
  if (start > 0 && isHighSurrogate(before.charCodeAt(start - 1))) start -= 1;
  let end = 0;
  while (end < shorter - start && before.charCodeAt(before.length - 1 - end) === after.charCodeAt(after.length - 1 - end)) end += 1;
  if (end > 0 && isLowSurrogate(before.charCodeAt(before.length - end))) end -= 1;
  return { from: start, to: before.length - end, insert: after.slice(start, after.length - end) };
}

/**
 * The draft of one cell. Local edits are committed after a pause or on `flush`; a remote source is taken over only
 * while no local edit waits, otherwise the local text wins when it is committed: the last writer.
 */
export class SourceDraft {
  #text: string;
  #stored: string;
  #edited = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #commit: (source: string) => void;

  /**
   * @param source - the source in the store
   * @param commit - commits a new source; the store then has it at once
   */
  constructor(source: string, commit: (source: string) => void) {
    this.#text = source;
    this.#stored = source;
    this.#commit = commit;
  }

  /** The text that the person sees. */
  get text(): string {
    return this.#text;
  }

  /** Whether a local edit waits to be committed. */
  get dirty(): boolean {
    return this.#edited && this.#text !== this.#stored;
  }

  /** The person changed the text. */
  edit(text: string): void {
    this.#edited = true;
    this.#text = text;
    clearTimeout(this.#timer);
    if (this.dirty) this.#timer = setTimeout(() => this.flush(), COMMIT_DELAY_MS);
  }

  /** Commit a waiting edit now. */
  flush(): void {
    clearTimeout(this.#timer);
    if (!this.dirty) return;
    this.#edited = false;
    this.#stored = this.#text;
    this.#commit(this.#text);
  }

  /** The store's source is this; returns the text that the editor must now show, or null when it keeps its own. */
  receive(source: string): string | null {
    this.#stored = source;
    if (this.dirty) return null;
    clearTimeout(this.#timer);
    this.#edited = false;
    if (source === this.#text) return null;
    this.#text = source;
    return source;
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}
