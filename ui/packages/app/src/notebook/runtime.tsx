// The runtime: its state as a chip, and a panel that says more, acts on it, or says how to start one.
import { useEffect, useRef, useState } from "react";
import { ErrorBoundary } from "../error-boundary";
import { Icon, IconButton } from "../icons";
import type { Resources } from "../model/live-answers";
import { parseJson } from "../model/mime";
import { isMemoryNoteworthy, memory } from "../model/quantities";
import { endedHereInWords, endOfSessionInWords, isChanging, isHere, NOT_ISOLATED, runtimeInWords } from "../model/words";
import { BrowserError, BrowserInstead, BrowserProgress, BrowserStart } from "./browser-panel";
import { type BrowserRuntime, useBrowser } from "./browser-runtime";
import type { NotebookCommands } from "./commands";
import { ResourceFacts, useResources } from "./resources";
import { type RuntimeSessionRow, useLastExecution, useLatestSession, useNotebookId, useQueue } from "./state";
import { useUi, useUiState } from "./ui-state";
import { VariablesPart } from "./variables-part";

export function RuntimeChip({ commands }: { readonly commands: NotebookCommands }) {
  const ui = useUi();
  const open = useUiState((state) => state.runtimeOpen);
  const session = useLatestSession();
  const executions = useQueue();
  const browser = useBrowser();
  const anchor = useRef<HTMLDivElement>(null);
  const chip = useRef<HTMLButtonElement>(null);
  const busy = executions.some((execution) => execution.status !== "queued");
  const { text, tone, more = "" } = runtimeInWords(session, busy, browser);
  const resources = useResources(session, open, busy);

  useEffect(() => {
    if (!open) return;
    const close = (event: Event) => {
      const outside = event.target instanceof Node && anchor.current?.contains(event.target) === false;
      const leaves = event instanceof KeyboardEvent && event.key === "Escape";
      if (leaves && anchor.current?.contains(document.activeElement)) chip.current?.focus();
      if (leaves || (event.type === "pointerdown" && outside)) ui.set({ runtimeOpen: false });
    };
    window.addEventListener("pointerdown", close);
    window.addEventListener("keydown", close);
    return () => {
      window.removeEventListener("pointerdown", close);
      window.removeEventListener("keydown", close);
    };
  }, [open, ui]);

  return (
    <div className="popover-anchor" ref={anchor}>
      <button
        ref={chip}
        type="button"
        className="chip"
        aria-expanded={open}
        aria-haspopup="dialog"
        data-testid="runtime-status"
        data-status={session === null ? "none" : session.status}
        data-busy={busy}
        data-browser={browser?.status ?? "none"}
        onClick={() => ui.set({ runtimeOpen: !open })}
      >
        <span className={`dot ${tone}`} />
        <span role="status">
          {text}
          {more !== "" && <span aria-hidden="true"> {more}</span>}
        </span>
        {resources !== null && isMemoryNoteworthy(resources) && (
          <span className="chip-memory" data-testid="chip-memory" title="Memory that the runtime uses">
            {memory(resources.rssBytes)}
          </span>
        )}
      </button>
      {open && (
        <div className="popover" role="dialog" aria-label="Runtime" data-testid="runtime-panel" tabIndex={-1}>
          <h2>Runtime</h2>
          <ErrorBoundary what="The runtime">
            <RuntimePanel
              session={session}
              waiting={executions.length}
              busy={busy}
              browser={browser}
              resources={resources}
              commands={commands}
            />
          </ErrorBoundary>
        </div>
      )}
    </div>
  );
}

interface PanelProps {
  readonly session: RuntimeSessionRow | null;
  readonly waiting: number;
  readonly busy: boolean;
  readonly browser: BrowserRuntime | null;
  readonly resources: Resources | null;
  readonly commands: NotebookCommands;
}

function RuntimePanel({ session, waiting, busy, browser, resources, commands }: PanelProps) {
  const active = session !== null && session.status !== "terminated";
  const here = isHere(browser);
  const ended = browser?.status === "off" ? endedHereInWords(browser.endedReason) : null;
  if (browser !== null && isChanging(browser)) {
    return (
      <>
        <BrowserProgress browser={browser} commands={commands} />
        {session !== null && active && here && <RuntimeFacts session={session} waiting={waiting} busy={busy} here resources={null} />}
      </>
    );
  }
  return (
    <>
      {active && ended !== null && (
        <p className="panel-note" data-testid="browser-runtime-ended">
          {ended}
        </p>
      )}
      {browser?.status === "failed" && <BrowserError browser={browser} commands={commands} />}
      {session !== null && active ? (
        <RuntimeFacts session={session} waiting={waiting} busy={busy} here={here} resources={resources} />
      ) : (
        <>
          {browser?.status !== "failed" && <EndOfSession session={session} />}
          {browser?.status === "off" && <BrowserStart commands={commands} />}
          <StartElsewhere alone={browser === null} />
        </>
      )}
      {active && here && browser?.isolated === false && (
        <p className="panel-note" data-testid="browser-runtime-not-isolated">
          {NOT_ISOLATED}
        </p>
      )}
      {active && (
        <div className="popover-actions">
          <button type="button" className="button" disabled={waiting === 0} onClick={() => commands.stopAll()}>
            <Icon name="stop" /> Interrupt
          </button>
          <button type="button" className="button" data-testid="runtime-restart" onClick={() => commands.askRestart()}>
            <Icon name="restart" /> Restart
          </button>
          <button type="button" className="button danger" data-testid="runtime-stop" onClick={() => commands.askStopRuntime()}>
            Stop
          </button>
        </div>
      )}
      {active && browser?.status === "off" && <BrowserInstead browser={browser} commands={commands} />}
      {session?.status === "ready" && <VariablesPart key={session.sessionId} />}
    </>
  );
}

/** Why there is no runtime. */
function EndOfSession({ session }: { readonly session: RuntimeSessionRow | null }) {
  const last = useLastExecution(session?.sessionId ?? null);
  return <p data-testid="runtime-ended">{endOfSessionInWords(session?.endedReason ?? null, last)}</p>;
}

function RuntimeFacts({
  session,
  waiting,
  busy,
  here,
  resources,
}: {
  readonly session: RuntimeSessionRow;
  readonly waiting: number;
  readonly busy: boolean;
  readonly here: boolean;
  readonly resources: Resources | null;
}) {
  const info = parseJson(session.info);
  const more =
    typeof info === "object" && info !== null
      ? Object.entries(info).filter(([key, value]) => (typeof value === "string" || typeof value === "number") && !(here && key === "host"))
      : [];
  return (
    <dl className="facts">
      <dt>Kind</dt>
      <dd>{session.runtimeType}</dd>
      {here && (
        <>
          <dt>Where</dt>
          <dd data-testid="runtime-where">In this browser</dd>
        </>
      )}
      <dt>State</dt>
      <dd>{session.status === "unreachable" ? "out of reach; what runs there runs on" : session.status}</dd>
      <dt>Work</dt>
      <dd>{waiting === 0 ? "none" : `${busy ? "running, " : ""}${waiting} ${waiting === 1 ? "cell" : "cells"} open`}</dd>
      <dt>Started</dt>
      <dd>{new Date(session.startedMs).toLocaleString()}</dd>
      {resources !== null && <ResourceFacts resources={resources} />}
      {more.map(([key, value]) => (
        <Fact key={key} name={key} value={String(value)} />
      ))}
    </dl>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  const label = name
    .replace(/[_-]/g, " ")
    .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toLowerCase();
  return (
    <>
      <dt>{label.charAt(0).toUpperCase() + label.slice(1)}</dt>
      <dd>{value}</dd>
    </>
  );
}

/** `alone` says that there is no other way. */
function StartElsewhere({ alone }: { readonly alone: boolean }) {
  return (
    <>
      <p className="output-note">{alone ? "Start one" : "Or start one elsewhere"} with this command; what waits then runs.</p>
      <Command text={agentCommand(window.location, useNotebookId())} />
      <p className="output-note">
        On another machine it needs a token, too: <code>runt token</code> prints one.
      </p>
    </>
  );
}

/** The command that starts a runtime; on the server's own machine it finds the server by itself. */
export function agentCommand(server: { readonly hostname: string; readonly origin: string }, notebookId: string): string {
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(server.hostname);
  return `runt agent --notebook ${notebookId}${local ? "" : ` --server ${server.origin}`}`;
}

/** A command to copy. */
function Command({ text }: { readonly text: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <div className="command">
      <code data-testid="agent-command">{text}</code>
      <IconButton
        icon={copied ? "check" : "copy"}
        label={copied ? "Copied" : "Copy"}
        onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
      />
    </div>
  );
}
