// The runtime: its state as a chip, and a panel that says more, acts on it, or says how to start one.
import { useEffect, useRef, useState } from "react";
import { Icon, IconButton } from "../icons";
import { parseJson } from "../model/mime";
import { endOfSessionInWords, runtimeInWords } from "../model/words";
import type { NotebookCommands } from "./commands";
import { type RuntimeSessionRow, useLatestSession, useNotebookId, useOpenExecutions } from "./state";
import { useUi, useUiState } from "./ui-state";

export function RuntimeChip({ commands }: { readonly commands: NotebookCommands }) {
  const ui = useUi();
  const open = useUiState((state) => state.runtimeOpen);
  const session = useLatestSession();
  const executions = useOpenExecutions();
  const anchor = useRef<HTMLDivElement>(null);
  const busy = executions.some((execution) => execution.status !== "queued");
  const { text, tone } = runtimeInWords(session, busy);

  useEffect(() => {
    if (!open) return;
    const close = (event: Event) => {
      const outside = event.target instanceof Node && anchor.current?.contains(event.target) === false;
      const leaves = event instanceof KeyboardEvent && event.key === "Escape";
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
        type="button"
        className="chip"
        aria-expanded={open}
        aria-haspopup="dialog"
        data-testid="runtime-status"
        data-status={session === null ? "none" : session.status}
        data-busy={busy}
        onClick={() => ui.set({ runtimeOpen: !open })}
      >
        <span className={`dot ${tone}`} />
        <span role="status">{text}</span>
      </button>
      {open && <RuntimePanel session={session} waiting={executions.length} busy={busy} commands={commands} />}
    </div>
  );
}

interface PanelProps {
  readonly session: RuntimeSessionRow | null;
  readonly waiting: number;
  readonly busy: boolean;
  readonly commands: NotebookCommands;
}

function RuntimePanel({ session, waiting, busy, commands }: PanelProps) {
  const active = session !== null && session.status !== "terminated";
  return (
    <div className="popover" role="dialog" aria-label="Runtime" data-testid="runtime-panel">
      <h2>Runtime</h2>
      {session !== null && active ? (
        <RuntimeFacts session={session} waiting={waiting} busy={busy} />
      ) : (
        <NoRuntime reason={session?.endedReason ?? null} />
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
    </div>
  );
}

function RuntimeFacts({
  session,
  waiting,
  busy,
}: {
  readonly session: RuntimeSessionRow;
  readonly waiting: number;
  readonly busy: boolean;
}) {
  const info = parseJson(session.info);
  const more =
    typeof info === "object" && info !== null
      ? Object.entries(info).filter(([, value]) => typeof value === "string" || typeof value === "number")
      : [];
  return (
    <dl className="facts">
      <dt>Kind</dt>
      <dd>{session.runtimeType}</dd>
      <dt>State</dt>
      <dd>{session.status === "unreachable" ? "out of reach; what runs there runs on" : session.status}</dd>
      <dt>Work</dt>
      <dd>{waiting === 0 ? "none" : `${busy ? "running, " : ""}${waiting} ${waiting === 1 ? "cell" : "cells"} open`}</dd>
      <dt>Started</dt>
      <dd>{new Date(session.startedMs).toLocaleString()}</dd>
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

function NoRuntime({ reason }: { readonly reason: string | null }) {
  return (
    <>
      <p>{endOfSessionInWords(reason)}</p>
      <p className="output-note">Start one with this command; what waits then runs.</p>
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
