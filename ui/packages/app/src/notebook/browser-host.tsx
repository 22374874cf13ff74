// Keeps the runtime of this tab beside the notebook and not around it: a fault of it takes nothing else down.
import { BrowserRuntimeProvider, useBrowserRuntime } from "@runt/runtime-browser/react";
import { useEffect, useLayoutEffect } from "react";
import { ErrorBoundary } from "../error-boundary";
import { DISPLACED } from "../model/words";
import { type BrowserRuntimeSlot, isDisplaced, useBrowser } from "./browser-runtime";
import type { NotebookCommands } from "./commands";
import { useNotebookId } from "./state";
import { useUi } from "./ui-state";

/** Keeps the runtime of this tab for as long as the notebook is shown. Draws nothing. */
export function BrowserRuntimeHost({ slot }: { readonly slot: BrowserRuntimeSlot }) {
  const ui = useUi();
  const tell = (error: Error) => {
    ui.notify(`Python in this browser stopped working on this page: ${error.message}. Reload the page to use it again.`, "bad");
  };
  return (
    <ErrorBoundary what="Python in this browser" onError={tell}>
      <BrowserRuntimeProvider notebookId={useNotebookId()}>
        <Publish slot={slot} />
      </BrowserRuntimeProvider>
    </ErrorBoundary>
  );
}

function Publish({ slot }: { readonly slot: BrowserRuntimeSlot }) {
  const runtime = useBrowserRuntime();
  useLayoutEffect(() => slot.put(runtime), [slot, runtime]);
  useLayoutEffect(() => () => slot.put(null), [slot]);
  return null;
}

/** Tells people whose panel is closed that another runtime took the place of theirs. */
export function DisplacedNotice({ commands }: { readonly commands: NotebookCommands }) {
  const ui = useUi();
  const displaced = isDisplaced(useBrowser());
  useEffect(() => {
    if (!displaced) return;
    const id = ui.notify(DISPLACED, "info", { label: "Run in this browser again", run: () => commands.startHere() });
    return () => ui.dismiss(id);
  }, [displaced, ui, commands]);
  return null;
}
