// What a waiting cell waits for; without a runtime, a start is one click away.
import type { MouseEvent } from "react";
import { capitalised, isChanging, waitsFor } from "../model/words";
import { useBrowser } from "./browser-runtime";
import type { NotebookCommands } from "./commands";
import { useLasting } from "./lasting";
import { useLatestSession, useQueuePlace } from "./state";
import { useUi } from "./ui-state";

interface QueuedNoteProps {
  readonly executionId: string;
  readonly inView: boolean;
  readonly commands: NotebookCommands;
}

const WAITS_AFTER_MS = 400;

export function QueuedNote({ executionId, inView, commands }: QueuedNoteProps) {
  const session = useLatestSession();
  const browser = useBrowser();
  const ahead = useQueuePlace(executionId, inView)?.ahead ?? 0;
  const none = session === null || session.status === "terminated";
  // What runs at once says nothing: a line that comes and goes moves all cells below, from under the pointer that clicks there.
  const ready = session?.status === "ready";
  const waits = useLasting(ready, WAITS_AFTER_MS);
  if (ready && !waits) return null;
  return (
    <p className="cell-note" data-testid="cell-note">
      {capitalised(waitsFor(session, ahead, browser))}
      {none && !isChanging(browser) && <StartHint commands={commands} />}
    </p>
  );
}

function StartHint({ commands }: { readonly commands: NotebookCommands }) {
  const ui = useUi();
  const browser = useBrowser();
  const failed = browser?.status === "failed";
  const start = (event: MouseEvent<HTMLElement>) => {
    // The button goes away with what it does; the keys then are the cell's.
    event.currentTarget.closest<HTMLElement>("[data-cell-id]")?.focus({ preventScroll: true });
    commands.startHere();
  };
  return (
    <>
      {browser !== null && (
        <button type="button" className="button small" data-testid="start-in-browser-hint" onClick={start}>
          {failed ? "Try again" : "Start in this browser"}
        </button>
      )}
      <button type="button" className="link-button" data-testid="runtime-help" onClick={() => ui.set({ runtimeOpen: true })}>
        {browser === null ? "How to start one" : failed ? "Why" : "Other ways"}
      </button>
    </>
  );
}
