// An open notebook: the cells in order, and the keys. It renders again when cells come, go or move.
import { useEffect, useMemo } from "react";
import { ConfirmDialog } from "../dialog";
import { ErrorBoundary } from "../error-boundary";
import { Icon } from "../icons";
import { interpretKey, type Mode, type Pending } from "../model/keyboard";
import { takeFresh } from "../router";
import { BrowserRuntimeHost, DisplacedNotice } from "./browser-host";
import { BrowserRuntimeContext, BrowserRuntimeSlot } from "./browser-runtime";
import { Cell } from "./cell";
import { NotebookCommands } from "./commands";
import { Drafts } from "./drafts";
import { hasPopup } from "./editor";
import { Header } from "./header";
import { HelpDialog } from "./help-dialog";
import { Notices } from "./notices";
import { useCells, useStore } from "./state";
import { useUi, useUiState } from "./ui-state";

/** Above this, cells out of sight are not laid out and do not follow their executions. */
const MANY_CELLS = 100;
/** A scrolling box keeps the keys that scroll it. */
const SCROLL_KEYS: ReadonlySet<string> = new Set(["ArrowUp", "ArrowDown", "Home", "End"]);
/** Elements that take their keys themselves. */
const OWN_KEYS = "input, textarea, select, dialog, [contenteditable=true]:not(.cm-content)";

export function NotebookView() {
  const store = useStore();
  const ui = useUi();
  const cells = useCells();
  const { commands, drafts, browser } = useMemo(() => {
    const made = new Drafts((cellId, source) => commandsOf.commit({ name: "v1.CellSourceSet", args: { cellId, source } }));
    const slot = new BrowserRuntimeSlot();
    const commandsOf = new NotebookCommands(store, ui, made, slot);
    return { commands: commandsOf, drafts: made, browser: slot };
  }, [store, ui]);

  useKeys(commands);
  useEffect(() => {
    const flush = () => drafts.flush();
    const warn = (event: BeforeUnloadEvent) => {
      flush();
      // Offline, what waits is in this page alone, unless the browser keeps it.
      const { connected, pending } = store.status;
      if (!connected && pending > 0 && !store.keeps) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    window.addEventListener("pagehide", flush);
    document.addEventListener("visibilitychange", flush);
    return () => {
      window.removeEventListener("beforeunload", warn);
      window.removeEventListener("pagehide", flush);
      document.removeEventListener("visibilitychange", flush);
      flush();
    };
  }, [drafts, store]);

  const selectedId = useUiState((state) => state.selectedId);
  const missing = !cells.some((cell) => cell.id === selectedId);
  const firstId = cells[0]?.id ?? null;
  useEffect(() => {
    if (missing && firstId !== null) ui.select(firstId);
  }, [missing, firstId, ui]);

  useEffect(() => {
    if (takeFresh()) commands.append("code");
  }, [commands]);

  const many = cells.length > MANY_CELLS;
  return (
    <BrowserRuntimeContext value={browser}>
      <div className="notebook-page">
        <Header commands={commands} drafts={drafts} />
        <main className={many ? "cells many" : "cells"} data-testid="cells" aria-label="Cells">
          {cells.map((cell, index) => (
            <ErrorBoundary key={cell.id} what="This cell">
              <Cell cell={cell} number={index + 1} many={many} commands={commands} drafts={drafts} />
            </ErrorBoundary>
          ))}
          <div className="insert-row">
            <button type="button" className="button" data-testid="add-code" onClick={() => commands.append("code")}>
              <Icon name="add" /> Code
            </button>
            <button type="button" className="button" data-testid="add-markdown" onClick={() => commands.append("markdown")}>
              <Icon name="add" /> Markdown
            </button>
          </div>
        </main>
        <Dialogs />
        <Notices />
        <BrowserRuntimeHost slot={browser} />
        <DisplacedNotice commands={commands} />
      </div>
    </BrowserRuntimeContext>
  );
}

function Dialogs() {
  const ui = useUi();
  const helpOpen = useUiState((state) => state.helpOpen);
  const confirmation = useUiState((state) => state.confirmation);
  if (helpOpen) return <HelpDialog onClose={() => ui.set({ helpOpen: false })} />;
  if (confirmation === null) return null;
  const { title, text, action, run } = confirmation;
  return <ConfirmDialog title={title} text={text} action={action} onConfirm={run} onClose={() => ui.set({ confirmation: null })} />;
}

/** Before the editor sees a key, the notebook does; what it does not know goes on. */
function useKeys(commands: NotebookCommands): void {
  useEffect(() => {
    let pending: Pending | null = null;
    const onKeyDown = (event: KeyboardEvent) => {
      const target = event.target instanceof Element ? event.target : null;
      if (event.isComposing || target?.closest(OWN_KEYS) != null) return;
      if (SCROLL_KEYS.has(event.key) && target?.closest(".collapsed, .variables-box") != null) return;
      if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.metaKey && target?.closest("button, a, summary") != null)
        return;
      if (event.key === "Escape" && hasPopup(target)) return;
      const mode: Mode = target?.closest(".cm-editor") == null ? "command" : "edit";
      const step = interpretKey(pending, mode, event, event.timeStamp);
      pending = step.pending;
      if (step.command === null) return;
      event.preventDefault();
      event.stopPropagation();
      commands.perform(step.command);
    };
    window.addEventListener("keydown", onKeyDown, { capture: true });
    return () => window.removeEventListener("keydown", onKeyDown, { capture: true });
  }, [commands]);
}
