// What only this page knows of a notebook: selected cell, mode, clipboard, notices. A plain store apart from React.
import type { CellType } from "@runt/schema";
import { createContext, useContext, useSyncExternalStore } from "react";
import type { Mode } from "../model/keyboard";
import type { RuntimeKind } from "../model/words";

/** A cell that was copied, cut or deleted. */
export interface ClippedCell {
  readonly cellType: CellType;
  readonly source: string;
  readonly metadata: string;
  readonly attachments: string | null;
}

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly tone: "info" | "bad";
  /** What can be done about it. */
  readonly action: { readonly label: string; readonly run: () => void } | null;
}

export interface Confirmation {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly run: () => void;
}

export interface UiState {
  readonly selectedId: string | null;
  readonly mode: Mode;
  /** The cell that was last asked to come into view and take the focus, and how many were before. */
  readonly revealed: { readonly id: string | null; readonly count: number };
  readonly clipboard: ClippedCell | null;
  readonly deleted: readonly (ClippedCell & { readonly index: number })[];
  readonly helpOpen: boolean;
  readonly runtimeOpen: boolean;
  /** What is started in this tab. */
  readonly runtimeKind: RuntimeKind;
  readonly confirmation: Confirmation | null;
  readonly notices: readonly Notice[];
  /** Said to screen readers. */
  readonly announcement: string;
}

/** Where the caret goes when a cell's editor opens. */
export type CaretPlace = "keep" | "start" | "end";

export class NotebookUi {
  #state: UiState = {
    selectedId: null,
    mode: "command",
    revealed: { id: null, count: 0 },
    clipboard: null,
    deleted: [],
    helpOpen: false,
    runtimeOpen: false,
    runtimeKind: "python",
    confirmation: null,
    notices: [],
    announcement: "",
  };
  #nextNotice = 1;
  readonly #listeners = new Set<() => void>();
  /** Read once by the editor that opens next. */
  caretPlace: CaretPlace = "keep";

  readonly get = (): UiState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  set(change: Partial<UiState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }

  /** Select a cell, bring it into view and give it the focus. */
  select(selectedId: string | null): void {
    this.set({ selectedId, mode: "command", revealed: { id: selectedId, count: this.#state.revealed.count + 1 } });
  }

  /** Somebody points at a cell: it is in view, and the focus goes where they point. */
  point(selectedId: string): void {
    if (this.#state.selectedId !== selectedId) this.set({ selectedId, mode: "command" });
  }

  edit(selectedId: string, caret: CaretPlace = "keep"): void {
    this.caretPlace = caret;
    if (this.#state.selectedId !== selectedId || this.#state.mode !== "edit") this.set({ selectedId, mode: "edit" });
  }

  /** The focus left this cell's editor. */
  leave(cellId: string): void {
    if (this.#state.selectedId === cellId && this.#state.mode === "edit") this.set({ mode: "command" });
  }

  /** Returns the notice's id. */
  notify(text: string, tone: Notice["tone"] = "info", action: Notice["action"] = null): number {
    const notice = { id: this.#nextNotice, text, tone, action };
    this.#nextNotice += 1;
    this.set({ notices: [...this.#state.notices.filter((one) => one.text !== text), notice].slice(-4) });
    return notice.id;
  }

  dismiss(id: number): void {
    this.set({ notices: this.#state.notices.filter((notice) => notice.id !== id) });
  }
}

export const UiContext = createContext<NotebookUi | null>(null);

export function useUi(): NotebookUi {
  const ui = useContext(UiContext);
  if (ui === null) throw new Error("useUi must be used inside a notebook");
  return ui;
}

/** Read a part of the state; the component renders again only when that part changes. */
export function useUiState<T>(select: (state: UiState) => T): T {
  const ui = useUi();
  return useSyncExternalStore(ui.subscribe, () => select(ui.get()));
}
