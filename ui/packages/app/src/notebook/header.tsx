// The notebook's header: its title, the runtime, the connection, and what is done to the whole of it.
import { useEffect, useState } from "react";
import { exportUrl } from "../api";
import { Icon, IconButton } from "../icons";
import { navigate } from "../router";
import type { NotebookCommands } from "./commands";
import { ConnectionBanner, ConnectionChip } from "./connection";
import type { Drafts } from "./drafts";
import { RuntimeChip } from "./runtime";
import { useNotebookId, useQueue, useTitle } from "./state";
import { useUi } from "./ui-state";

export function Header({ commands, drafts }: { readonly commands: NotebookCommands; readonly drafts: Drafts }) {
  const ui = useUi();
  const notebookId = useNotebookId();
  const working = useQueue().length > 0;
  return (
    <header className="notebook-header">
      <div className="header-row">
        <a
          className="home-link"
          href="/"
          aria-label="All notebooks"
          title="All notebooks"
          onClick={(event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey) return;
            event.preventDefault();
            navigate("/");
          }}
        >
          <img src="/icon.svg" alt="" width="22" height="22" />
        </a>
        <Title commands={commands} />
        <ConnectionChip />
        <RuntimeChip commands={commands} />
        <div className="header-actions" role="toolbar" aria-label="Notebook">
          <button
            type="button"
            className="button primary"
            data-testid="run-all"
            title="Run all cells; stop at the first error"
            onClick={() => commands.runAll()}
          >
            <Icon name="runAll" /> <span className="button-label">Run all</span>
          </button>
          <IconButton icon="stop" label="Stop all (I I)" testId="stop" disabled={!working} onClick={() => commands.stopAll()} />
          <IconButton icon="restart" label="Restart the runtime (0 0)" testId="restart" onClick={() => commands.askRestart()} />
          <span className="header-separator" />
          <a
            className="icon-button"
            href={exportUrl(notebookId)}
            download
            aria-label="Export as .ipynb"
            title="Export as .ipynb"
            data-testid="export"
            onClick={() => drafts.flush()}
          >
            <Icon name="download" />
          </a>
          <IconButton icon="help" label="Keys (H)" testId="help-button" onClick={() => ui.set({ helpOpen: true })} />
        </div>
      </div>
      <ConnectionBanner />
    </header>
  );
}

function Title({ commands }: { readonly commands: NotebookCommands }) {
  const stored = useTitle();
  const [draft, setDraft] = useState<string | null>(null);
  useEffect(() => {
    document.title = `${stored === "" ? "Untitled" : stored} · runt`;
  }, [stored]);
  const finish = () => {
    const title = draft?.trim() ?? "";
    if (title !== "" && title !== stored) commands.setTitle(title);
    setDraft(null);
  };
  return (
    <div className="header-title">
      <input
        aria-label="Title"
        data-testid="notebook-title"
        value={draft ?? stored}
        placeholder="Untitled"
        spellCheck={false}
        maxLength={255}
        onChange={(event) => setDraft(event.currentTarget.value)}
        onBlur={finish}
        onKeyDown={(event) => {
          if (event.key === "Enter") event.currentTarget.blur();
          if (event.key === "Escape") setDraft(null);
        }}
      />
    </div>
  );
}
