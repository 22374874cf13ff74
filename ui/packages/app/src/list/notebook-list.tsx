// The list of notebooks: open, make, import by file picker or drop, rename, delete.
import { type DragEvent, useCallback, useEffect, useRef, useState } from "react";
import { createNotebook, deleteNotebook, importNotebook, isOutOfReach, listNotebooks, type Notebook, renameNotebook } from "../api";
import { ConfirmDialog } from "../dialog";
import { Icon, IconButton } from "../icons";
import { keepListed, keptNotebooks } from "../offline/kept-notebooks";
import { usePerson } from "../offline/person";
import { navigate } from "../router";

export function NotebookList() {
  const [notebooks, setNotebooks] = useState<readonly Notebook[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [listProblem, setListProblem] = useState<string | null>(null);
  const [deleting, setDeleting] = useState<Notebook | null>(null);
  const [dropping, setDropping] = useState(false);
  const [offline, setOffline] = useState(false);
  const { id: userId } = usePerson();
  const picker = useRef<HTMLInputElement>(null);

  const attempt = useCallback(async (work: () => Promise<void>, report = setProblem) => {
    try {
      await work();
      report(null);
    } catch (error) {
      report(messageOf(error));
    }
  }, []);
  const refresh = useCallback(async () => {
    const found = await listNotebooks().catch((error: unknown) => {
      if (isOutOfReach(error)) return null;
      throw error;
    });
    setOffline(found === null);
    if (found !== null) void keepListed(userId, found);
    setNotebooks([...(found ?? (await keptNotebooks(userId)))].sort((one, other) => other.updatedMs - one.updatedMs));
  }, [userId]);

  useEffect(() => {
    document.title = "Notebooks · runt";
    // A file picker that closes gives the window its focus: that must not take away what is told of the file.
    const onFocus = () => void attempt(refresh, setListProblem);
    onFocus();
    window.addEventListener("focus", onFocus);
    return () => window.removeEventListener("focus", onFocus);
  }, [attempt, refresh]);

  const create = () =>
    void attempt(async () => {
      const made = await createNotebook("Untitled");
      navigate(`/nb/${made.id}`, true);
    });
  const importFiles = (files: readonly File[]) =>
    void attempt(async () => {
      let last: Notebook | null = null;
      const refused: string[] = [];
      for (const file of files) {
        try {
          last = await importNotebook(file);
        } catch (error) {
          refused.push(`Could not import “${file.name}”: ${messageOf(error)}`);
        }
      }
      if (last !== null && files.length === 1) navigate(`/nb/${last.id}`);
      else await refresh();
      if (refused.length > 0) throw new Error(refused.join("\n"));
    });
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setDropping(false);
    importFiles([...event.dataTransfer.files]);
  };
  const onDragOver = (event: DragEvent) => {
    event.preventDefault();
    setDropping(true);
  };

  return (
    <main
      className={dropping ? "list-page dropping" : "list-page"}
      data-testid="notebook-list"
      onDragOver={onDragOver}
      onDragLeave={() => setDropping(false)}
      onDrop={onDrop}
    >
      <header className="list-header">
        <h1>
          <img src="/icon.svg" alt="" width="28" height="28" /> Notebooks
        </h1>
        <div className="list-actions">
          <button type="button" className="button" data-testid="import-notebook" onClick={() => picker.current?.click()}>
            <Icon name="upload" /> Import
          </button>
          <button type="button" className="button primary" data-testid="new-notebook" onClick={create}>
            <Icon name="add" /> New notebook
          </button>
          <input
            ref={picker}
            type="file"
            accept=".ipynb,application/x-ipynb+json,application/json"
            multiple
            hidden
            data-testid="import-file"
            onChange={(event) => {
              importFiles([...(event.currentTarget.files ?? [])]);
              event.currentTarget.value = "";
            }}
          />
        </div>
      </header>
      {(problem ?? listProblem) !== null && (
        <p role="alert" className="problem">
          {problem ?? listProblem}
        </p>
      )}
      {offline && (
        <p role="status" className="panel-note" data-testid="list-offline">
          The server does not answer. {notebooks?.length === 0 ? "No notebook" : "These notebooks"} can be opened from this browser; the
          others need the server once.
        </p>
      )}
      {!offline && notebooks !== null && notebooks.length === 0 && (
        <div className="empty">
          <Icon name="notebook" />
          <p>No notebooks yet. Make one, or drop an .ipynb file here.</p>
        </div>
      )}
      <ul className="notebook-rows">
        {notebooks?.map((notebook) => (
          <Row
            key={notebook.id}
            notebook={notebook}
            onDelete={() => setDeleting(notebook)}
            onRename={(title) =>
              void attempt(async () => {
                await renameNotebook(notebook.id, title);
                await refresh();
              })
            }
          />
        ))}
      </ul>
      {dropping && <div className="drop-hint">Drop .ipynb files to import them</div>}
      {deleting !== null && (
        <ConfirmDialog
          title="Delete this notebook?"
          text={`“${titleOf(deleting)}” goes with all its cells, outputs and history. This cannot be undone.`}
          action="Delete"
          onClose={() => setDeleting(null)}
          onConfirm={() =>
            void attempt(async () => {
              await deleteNotebook(deleting.id);
              await refresh();
            })
          }
        />
      )}
    </main>
  );
}

interface RowProps {
  readonly notebook: Notebook;
  readonly onRename: (title: string) => void;
  readonly onDelete: () => void;
}

function Row({ notebook, onRename, onDelete }: RowProps) {
  const [renaming, setRenaming] = useState(false);
  const title = titleOf(notebook);
  const finish = (value: string) => {
    setRenaming(false);
    const wanted = value.trim();
    if (wanted !== "" && wanted !== notebook.title) onRename(wanted);
  };
  return (
    <li className="notebook-row" data-testid="notebook-row" data-notebook-id={notebook.id}>
      <Icon name="notebook" />
      {renaming ? (
        <input
          className="title-input"
          aria-label="Title"
          maxLength={255}
          defaultValue={title}
          ref={(input) => input?.focus()}
          onFocus={(event) => event.currentTarget.select()}
          onBlur={(event) => finish(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") event.currentTarget.blur();
            if (event.key === "Escape") setRenaming(false);
          }}
        />
      ) : (
        <a
          className="notebook-link"
          href={`/nb/${notebook.id}`}
          onClick={(event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
            event.preventDefault();
            navigate(`/nb/${notebook.id}`);
          }}
        >
          <span className="notebook-title" title={title}>
            {title}
          </span>
          {notebook.path != null && <span className="notebook-path">{notebook.path}</span>}
        </a>
      )}
      <time className="notebook-time" dateTime={new Date(notebook.updatedMs).toISOString()}>
        {since(notebook.updatedMs)}
      </time>
      <span className="row-actions">
        <IconButton icon="edit" label={`Rename ${title}`} testId="rename-notebook" onClick={() => setRenaming(true)} />
        <IconButton icon="trash" label={`Delete ${title}`} testId="delete-notebook" onClick={onDelete} />
      </span>
    </li>
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function titleOf(notebook: Notebook): string {
  return notebook.title === "" ? "Untitled" : notebook.title;
}

function since(ms: number): string {
  if (ms === 0) return "";
  const minutes = Math.round((Date.now() - ms) / 60_000);
  if (minutes < 1) return "just now";
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (minutes < 60) return format.format(-minutes, "minute");
  if (minutes < 60 * 24) return format.format(-Math.round(minutes / 60), "hour");
  if (minutes < 60 * 24 * 14) return format.format(-Math.round(minutes / 1440), "day");
  return new Date(ms).toLocaleDateString("en", { year: "numeric", month: "short", day: "numeric" });
}
