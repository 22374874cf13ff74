// What people can do to an open notebook, by key, button or menu: each command reads the state and commits events.
import type { CellType } from "@runt/schema";
import type { Store } from "@runt/store";
import { cellTypeOf, createCell, type EventDraft, isExecutable, moveCell, neighbourOf, runAll, runCell, splitSource } from "../model/edits";
import type { Command } from "../model/keyboard";
import { isHere } from "../model/words";
import type { BrowserRuntimeSlot } from "./browser-runtime";
import type { Drafts } from "./drafts";
import { editorAt } from "./editor";
import { type CellRow, commitDraft, hasOpenWork, readActiveSession, readCells, readLatestExecution, tellRuntime } from "./state";
import type { ClippedCell, NotebookUi } from "./ui-state";

const DELETED_KEPT = 50;

/** The cells, and which of them is selected: -1 and undefined when none is. */
interface Place {
  readonly cells: readonly CellRow[];
  readonly index: number;
  readonly cell: CellRow | undefined;
}

type Action = (place: Place) => void;

/** An action on the selected cell; nothing without one. */
function onCell(act: (cell: CellRow, place: Place) => void): Action {
  return (place) => {
    if (place.cell !== undefined) act(place.cell, place);
  };
}

export class NotebookCommands {
  readonly #store: Store;
  readonly #ui: NotebookUi;
  readonly #drafts: Drafts;
  readonly #browser: BrowserRuntimeSlot;
  readonly #actions: Readonly<Record<Command, Action>> = {
    help: () => this.#ui.set({ helpOpen: true }),
    interrupt: () => this.stopAll(),
    restart: () => this.askRestart(),
    save: () => this.#drafts.flush(),
    undoDelete: () => this.#undoDelete(),
    selectFirst: ({ cells }) => this.#select(cells[0]),
    selectLast: ({ cells }) => this.#select(cells.at(-1)),
    selectNext: ({ cells, index }) => this.#select(cells[index + 1]),
    selectPrevious: ({ cells, index }) => this.#select(cells[index - 1]),
    paste: ({ index }) => this.#paste(index + 1),
    pasteAbove: ({ index }) => this.#paste(Math.max(index, 0)),
    insertAbove: ({ index }) => this.insert(Math.max(index, 0), "code", false),
    insertBelow: ({ index }) => this.insert(index + 1, "code", false),
    edit: onCell((cell) => this.#ui.edit(cell.id)),
    leaveEdit: onCell((cell) => this.#leaveEdit(cell)),
    runAndAdvance: onCell((cell, { cells, index }) => this.#runAndAdvance(cell, cells[index + 1], index)),
    runInPlace: onCell((cell) => {
      this.runCell(cell.id);
      this.#ui.select(cell.id);
    }),
    runAndInsert: onCell((cell, { index }) => {
      this.runCell(cell.id);
      this.insert(index + 1, "code", true);
    }),
    delete: onCell((cell) => this.deleteCell(cell.id)),
    copy: onCell((cell) => this.#ui.set({ clipboard: clip(cell), announcement: "Cell copied" })),
    cut: onCell((cell) => {
      this.#ui.set({ clipboard: clip(cell) });
      this.deleteCell(cell.id);
    }),
    toCode: onCell((cell) => this.setType(cell.id, "code")),
    toMarkdown: onCell((cell) => this.setType(cell.id, "markdown")),
    toRaw: onCell((cell) => this.setType(cell.id, "raw")),
    moveUp: onCell((cell) => this.move(cell.id, -1)),
    moveDown: onCell((cell) => this.move(cell.id, 1)),
    split: onCell((cell, { index }) => this.#split(cell, index)),
    mergeBelow: onCell((_cell, { index }) => this.#merge(index)),
    toggleOutput: onCell((cell) =>
      this.commit({ name: "v1.CellVisibilitySet", args: { cellId: cell.id, output: cell.outputVisible === 0 } }),
    ),
  };

  constructor(store: Store, ui: NotebookUi, drafts: Drafts, browser: BrowserRuntimeSlot) {
    this.#store = store;
    this.#ui = ui;
    this.#drafts = drafts;
    this.#browser = browser;
  }

  /** Do what a key means for the selected cell. */
  perform(command: Command): void {
    const { selectedId } = this.#ui.get();
    const cells = readCells(this.#store);
    const index = cells.findIndex((cell) => cell.id === selectedId);
    this.#actions[command]({ cells, index, cell: cells[index] });
  }

  /** Commit an event; a refusal by the server becomes a notice. */
  commit(...events: readonly (EventDraft | null)[]): void {
    for (const event of events) {
      if (event === null) continue;
      commitDraft(this.#store, event).catch((error: unknown) =>
        this.#ui.notify(`The server did not accept a change: ${messageOf(error)}`, "bad"),
      );
    }
  }

  /** Run one cell with the source that is shown. */
  runCell(cellId: string): void {
    this.#drafts.flush(cellId);
    const cell = readCells(this.#store).find((one) => one.id === cellId);
    if (cell !== undefined) this.commit(...runCell(cell, () => this.#store.newId(), Date.now()));
  }

  runAll(): void {
    this.#drafts.flush();
    const events = runAll(readCells(this.#store), () => this.#store.newId(), Date.now());
    if (events.length === 0) this.#ui.notify("There is no code to run.");
    this.commit(...events);
    this.#ui.set({ announcement: "Running all cells" });
  }

  stopCell(cellId: string): void {
    const execution = readLatestExecution(this.#store, cellId);
    if (execution !== null) this.commit({ name: "v1.ExecutionCancelRequested", args: { executionId: execution.id, reason: "person" } });
  }

  stopAll(): void {
    this.commit({ name: "v1.ExecutionCancelRequested", args: { all: true, reason: "person" } });
    this.#ui.set({ announcement: "Stopping" });
  }

  askRestart(): void {
    if (readActiveSession(this.#store) === null) {
      this.#ui.notify("There is no runtime to restart.");
      return;
    }
    this.#ui.set({
      confirmation: {
        title: "Restart the runtime?",
        text: "Its variables are lost. Cells and outputs stay.",
        action: "Restart",
        run: () => void this.#restartRuntime(),
      },
    });
  }

  askStopRuntime(): void {
    this.#ui.set({
      confirmation: {
        title: "Stop the runtime?",
        text: "Its variables are lost, and nothing runs until another is started. Cells and outputs stay.",
        action: "Stop",
        run: () => void this.#stopRuntime(),
      },
    });
  }

  /** Start a runtime in this tab; asks first when that ends work of another one. */
  startHere(): void {
    if (readActiveSession(this.#store) === null || !hasOpenWork(this.#store)) {
      this.#startHere();
      return;
    }
    this.#ui.set({
      confirmation: {
        title: "Run in this browser instead?",
        text: "The runtime that is active now is stopped, and its variables are lost. What runs there ends unfinished; what waits runs here.",
        action: "Take over",
        run: () => this.#startHere(),
      },
    });
  }

  cancelStart(): void {
    void this.#endHere("stop");
  }

  /** Make a cell at a place of the list and select it. */
  insert(index: number, cellType: CellType, edit: boolean, source = ""): void {
    const cellId = this.#store.newId();
    this.commit(createCell(readCells(this.#store), index, { cellId, cellType, source }));
    if (edit) this.#ui.edit(cellId, "start");
    else this.#ui.select(cellId);
  }

  insertBeside(cellId: string, offset: 0 | 1, cellType: CellType): void {
    const index = readCells(this.#store).findIndex((cell) => cell.id === cellId);
    this.insert(index + offset, cellType, true);
  }

  /** Go on editing in the cell above or below; returns whether there is one. */
  editBeside(cellId: string, direction: -1 | 1): boolean {
    const cells = readCells(this.#store);
    const cell = cells[cells.findIndex((one) => one.id === cellId) + direction];
    if (cell === undefined) return false;
    if (cell.cellType === "markdown") this.#ui.select(cell.id);
    else this.#ui.edit(cell.id, direction < 0 ? "end" : "start");
    return true;
  }

  append(cellType: CellType): void {
    this.insert(readCells(this.#store).length, cellType, true);
  }

  move(cellId: string, direction: -1 | 1): void {
    this.commit(moveCell(readCells(this.#store), cellId, direction));
    this.#ui.set({ announcement: direction < 0 ? "Cell moved up" : "Cell moved down" });
  }

  setType(cellId: string, cellType: CellType): void {
    this.#drafts.flush(cellId);
    this.commit({ name: "v1.CellTypeSet", args: { cellId, cellType } });
  }

  deleteCell(cellId: string): void {
    this.#drafts.flush(cellId);
    const cells = readCells(this.#store);
    const index = cells.findIndex((cell) => cell.id === cellId);
    const cell = cells[index];
    if (cell === undefined) return;
    const deleted = [...this.#ui.get().deleted, { ...clip(cell), index }].slice(-DELETED_KEPT);
    this.#ui.set({ deleted, announcement: "Cell deleted. Z brings it back." });
    if (this.#ui.get().selectedId === cellId) this.#ui.select(neighbourOf(cells, cellId));
    this.commit({ name: "v1.CellDeleted", args: { cellId } });
  }

  setTitle(title: string): void {
    this.commit({ name: "v1.NotebookMetadataSet", args: { key: "title", value: JSON.stringify(title) } });
  }

  /** Answer a request for input; a password goes to the runtime alone and never into the log. */
  async reply(requestId: string, value: string, password: boolean): Promise<boolean> {
    if (!password) {
      this.commit({ name: "v1.InputReplied", args: { requestId, value } });
      return true;
    }
    return this.#tellRuntime("input.reply", "take the password", { requestId, value });
  }

  #select(cell: CellRow | undefined): void {
    if (cell !== undefined) this.#ui.select(cell.id);
  }

  #leaveEdit(cell: CellRow): void {
    this.#drafts.flush(cell.id);
    this.#ui.select(cell.id);
  }

  #runAndAdvance(cell: CellRow, next: CellRow | undefined, index: number): void {
    this.runCell(cell.id);
    if (next !== undefined) this.#ui.select(next.id);
    else this.insert(index + 1, "code", true);
  }

  #undoDelete(): void {
    const { deleted } = this.#ui.get();
    const last = deleted.at(-1);
    if (last === undefined) return;
    this.#ui.set({ deleted: deleted.slice(0, -1) });
    this.#create(last.index, last);
  }

  #paste(index: number): void {
    const { clipboard } = this.#ui.get();
    if (clipboard !== null) this.#create(index, clipboard);
  }

  #create(index: number, { cellType, source, metadata, attachments }: ClippedCell): void {
    const cellId = this.#store.newId();
    this.commit(createCell(readCells(this.#store), index, { cellId, cellType, source, metadata, attachments }));
    this.#ui.select(cellId);
  }

  #split(cell: CellRow, index: number): void {
    const caret = editorAt(document.activeElement)?.state.selection.main.head;
    if (caret === undefined) return;
    this.#drafts.flush(cell.id);
    const cells = readCells(this.#store);
    const [above, below] = splitSource(cells[index]?.source ?? "", caret);
    this.commit({ name: "v1.CellSourceSet", args: { cellId: cell.id, source: above } });
    this.insert(index + 1, cellTypeOf(cell.cellType), true, below);
  }

  #merge(index: number): void {
    this.#drafts.flush();
    const [cell, next] = readCells(this.#store).slice(index, index + 2);
    if (cell === undefined || next === undefined || isExecutable(next.cellType) !== isExecutable(cell.cellType)) return;
    this.commit(
      { name: "v1.CellSourceSet", args: { cellId: cell.id, source: `${cell.source}\n${next.source}` } },
      { name: "v1.CellDeleted", args: { cellId: next.id } },
    );
  }

  #startHere(): void {
    this.#ui.set({ announcement: "Starting a runtime in this browser" });
    const started = this.#browser.get()?.start(this.#ui.get().runtimeKind);
    // Why it did not start stands in its state, where the panel reads it.
    started?.catch(() => {});
  }

  async #restartRuntime(): Promise<void> {
    if (isHere(this.#browser.get())) await this.#endHere("restart");
    else await this.#tellRuntime("runtime.restart", "restart");
  }

  /** The runtime in this tab is told without the server, which may be out of reach. */
  async #endHere(what: "stop" | "restart"): Promise<void> {
    try {
      await this.#browser.get()?.[what]();
    } catch (error) {
      this.#ui.notify(`The runtime in this browser did not ${what}: ${messageOf(error)}`, "bad");
    }
  }

  async #stopRuntime(): Promise<void> {
    if (isHere(this.#browser.get())) {
      await this.#endHere("stop");
      return;
    }
    const session = readActiveSession(this.#store);
    if (session === null || (session.status !== "unreachable" && (await this.#tellRuntime("runtime.stop", null)))) return;
    // It does not answer: an editor may end the session, and the runtime finds that out when it returns.
    this.commit({ name: "v1.RuntimeSessionTerminated", args: { sessionId: session.sessionId, reason: "evicted" } });
  }

  async #tellRuntime(topic: string, what: string | null, data: Readonly<Record<string, string>> = {}): Promise<boolean> {
    const session = readActiveSession(this.#store);
    if (session === null) return false;
    try {
      await tellRuntime(this.#store, session, topic, { sessionId: session.sessionId, ...data });
      return true;
    } catch (error) {
      if (what !== null) this.#ui.notify(`The runtime did not ${what}: ${messageOf(error)}`, "bad");
      return false;
    }
  }
}

function clip(cell: CellRow): ClippedCell {
  return { cellType: cellTypeOf(cell.cellType), source: cell.source, metadata: cell.metadata, attachments: cell.attachments };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
