// What the runtime panel says of the runtime in this tab: how it starts, how far it is, why it failed, who took its place.
import type { MouseEvent } from "react";
import { isOnItsWay, KINDS, progressInWords, type RuntimeKind } from "../model/words";
import { type BrowserRuntime, isDisplaced } from "./browser-runtime";
import type { NotebookCommands } from "./commands";
import { useOffline } from "./connection";
import { useUi, useUiState } from "./ui-state";

interface PartProps {
  readonly browser: BrowserRuntime;
  readonly commands: NotebookCommands;
}

/** A button that goes away with what it does leaves the focus to the panel. */
function keepFocus(event: MouseEvent<HTMLElement>): void {
  event.currentTarget.closest<HTMLElement>("[role=dialog]")?.focus({ preventScroll: true });
}

interface StartProps {
  readonly commands: NotebookCommands;
  readonly label: string;
  readonly testId: string;
}

/** Starts a runtime in this tab, of the kind that is chosen beside. */
export function StartButton({ commands, label, testId }: StartProps) {
  const ui = useUi();
  const kind = useUiState((state) => state.runtimeKind);
  return (
    <div className="popover-actions">
      <button
        type="button"
        className="button primary"
        data-testid={testId}
        onClick={(event) => {
          keepFocus(event);
          commands.startHere();
        }}
      >
        {label}
      </button>
      <select
        className="quiet-select"
        aria-label="Kind of runtime"
        data-testid="browser-runtime-kind"
        value={kind}
        onChange={(event) => ui.set({ runtimeKind: kindOf(event.currentTarget.value) })}
      >
        {Object.entries(KINDS).map(([value, { label: name }]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

function kindOf(value: string): RuntimeKind {
  return value === "html" || value === "echo" ? value : "python";
}

/** The offer to start a runtime in this tab, and what that means. */
export function BrowserStart({ commands }: { readonly commands: NotebookCommands }) {
  const kind = useUiState((state) => state.runtimeKind);
  if (useOffline()) {
    return (
      <p className="panel-note" data-testid="start-needs-server">
        A runtime can start in this browser once the server answers: it records each run before the code runs, so that nothing runs twice.
      </p>
    );
  }
  return (
    <div className="popover-part">
      <StartButton commands={commands} label="Start in this browser" testId="start-in-browser" />
      <p className="output-note">{KINDS[kind].line}</p>
    </div>
  );
}

export function BrowserProgress({ browser, commands }: PartProps) {
  const { step, numbers } = progressInWords(browser);
  const fraction = browser.progress?.fraction ?? null;
  return (
    <div className="popover-part" data-testid="browser-runtime-progress" data-status={browser.status}>
      <p role="status">
        {step}
        <span aria-hidden="true">{numbers}</span>
      </p>
      {/* Without a value the bar says that something goes on, not how far it is. */}
      <progress className="progress" aria-label="Progress" max={1} {...(fraction === null ? {} : { value: fraction })} />
      {isOnItsWay(browser) && (
        <div className="popover-actions">
          <button
            type="button"
            className="button"
            data-testid="browser-runtime-cancel"
            onClick={(event) => {
              keepFocus(event);
              commands.cancelStart();
            }}
          >
            Cancel
          </button>
        </div>
      )}
    </div>
  );
}

export function BrowserError({ browser, commands }: PartProps) {
  return (
    <div className="popover-part" data-testid="browser-runtime-error">
      <div className="panel-note bad" role="alert">
        <strong>The runtime in this browser failed.</strong> {browser.error}
      </div>
      <StartButton commands={commands} label="Try again" testId="browser-runtime-retry" />
    </div>
  );
}

/** The offer to take over from a runtime elsewhere. */
export function BrowserInstead({ browser, commands }: PartProps) {
  const displaced = isDisplaced(browser);
  return (
    <p className="output-note">
      <button type="button" className="link-button" data-testid="run-in-browser-instead" onClick={() => commands.startHere()}>
        {displaced ? "Run in this browser again" : "Run in this browser instead"}
      </button>
      . The runtime that is active now ends, and its variables are lost.
    </p>
  );
}
