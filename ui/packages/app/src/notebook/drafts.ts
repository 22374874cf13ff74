// The drafts of all cells of an open notebook: made when a cell is first shown, committed together before anything runs.
import { SourceDraft } from "../model/source-sync";

export class Drafts {
  readonly #drafts = new Map<string, SourceDraft>();
  readonly #commit: (cellId: string, source: string) => void;

  constructor(commit: (cellId: string, source: string) => void) {
    this.#commit = commit;
  }

  /** The cell's draft; `source` is what the store has, used when there is no draft yet. */
  of(cellId: string, source: string): SourceDraft {
    const known = this.#drafts.get(cellId);
    if (known !== undefined) return known;
    const draft = new SourceDraft(source, (text) => this.#commit(cellId, text));
    this.#drafts.set(cellId, draft);
    return draft;
  }

  /** Commit what waits, of one cell or of all. */
  flush(cellId?: string): void {
    if (cellId !== undefined) this.#drafts.get(cellId)?.flush();
    else for (const draft of this.#drafts.values()) draft.flush();
  }

  /** Number of cells with an edit that waits. */
  get dirtyCount(): number {
    return [...this.#drafts.values()].filter((draft) => draft.dirty).length;
  }
}
