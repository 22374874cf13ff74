// One cell: source, state and outputs. It renders again only when its own row, its execution or its selection changes.
import { memo, type PointerEvent, useEffect, useRef } from "react";
import { ErrorBoundary } from "../error-boundary";
import { isExecutable } from "../model/edits";
import { capitalised, endedInWords } from "../model/words";
import { HeldHeight } from "../outputs/held-height";
import { LazyMarkdown } from "../outputs/lazy-markdown";
import { OutputArea } from "../outputs/output-area";
import { CellLinks } from "./cell-links";
import { CellToolbar } from "./cell-toolbar";
import type { NotebookCommands } from "./commands";
import type { Drafts } from "./drafts";
import { Editor } from "./editor";
import { Gutter, isOpen } from "./gutter";
import { StaticCode } from "./highlight";
import { InputRows } from "./input-rows";
import { QueuedNote } from "./queued-note";
import { useNear, useSeen } from "./seen";
import { type CellRow, type ExecutionRow, useAsk, useLatestExecution } from "./state";
import { useUi, useUiState } from "./ui-state";

interface CellProps {
  readonly cell: CellRow;
  /** 1 for the first. */
  readonly number: number;
  readonly commands: NotebookCommands;
  readonly drafts: Drafts;
}

interface OwnProps extends CellProps {
  /** One of so many that it follows its execution only in view: each event of one would be looked at by all. */
  readonly many: boolean;
}

export const Cell = memo(function Cell({ cell, number, many, commands, drafts }: OwnProps) {
  const ui = useUi();
  const selected = useUiState((state) => state.selectedId === cell.id);
  const editing = useUiState((state) => state.selectedId === cell.id && state.mode === "edit");
  const reveal = useUiState((state) => (state.revealed.id === cell.id ? state.revealed.count : 0));
  const root = useRef<HTMLElement>(null);
  const inView = useNear(root, many) || selected;
  const execution = useLatestExecution(cell.id, inView);
  const near = useSeen(root, false);
  const due = useSeen(root, true);
  const executable = isExecutable(cell.cellType);
  const status = executable ? (execution?.status ?? "idle") : "idle";

  useEffect(() => {
    const element = root.current;
    if (reveal === 0 || element === null) return;
    const active = document.activeElement;
    // What stands outside the cells, such as the title, keeps the focus.
    const free = active === null || active === document.body || active.closest("[data-cell-id]") !== null;
    if (free) element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }, [reveal]);

  const select = (event: PointerEvent) => {
    const inside = event.target instanceof Element ? event.target : null;
    if (inside?.closest(".cm-editor, .cell-toolbar") === null) ui.point(cell.id);
  };

  return (
    <article
      ref={root}
      className={`cell ${selected ? "selected" : ""} ${editing ? "editing" : ""}`}
      data-testid="cell"
      data-cell-id={cell.id}
      data-cell-type={cell.cellType}
      data-status={status}
      aria-label={`${kindOf(cell.cellType)} cell ${number}`}
      aria-current={selected}
      tabIndex={selected ? 0 : -1}
      onPointerDown={select}
      onDoubleClick={(event) => {
        if (event.target instanceof Element && event.target.closest(".rendered") !== null) ui.edit(cell.id);
      }}
      onFocus={(event) => {
        if (event.target === event.currentTarget) ui.point(cell.id);
      }}
    >
      {executable ? (
        <Gutter execution={execution} inView={inView} onRun={() => commands.runCell(cell.id)} onStop={() => commands.stopCell(cell.id)} />
      ) : (
        <div className="gutter" />
      )}
      <div className="cell-main">
        <CellToolbar cellId={cell.id} cellType={cell.cellType} running={isOpen(execution)} commands={commands} />
        <ErrorBoundary what="This cell's source">
          <Source cell={cell} number={number} editing={editing} near={near} due={due} drafts={drafts} commands={commands} />
        </ErrorBoundary>
        {executable && (
          <>
            <CellNote execution={execution} inView={inView} commands={commands} />
            {cell.outputVisible === 0 && cell.lastExecutionId !== null && (
              <p className="cell-note">
                Output hidden.
                <button
                  type="button"
                  className="link-button"
                  onClick={() => commands.commit({ name: "v1.CellVisibilitySet", args: { cellId: cell.id, output: true } })}
                >
                  Show
                </button>
              </p>
            )}
            {cell.outputVisible !== 0 && cell.lastExecutionId !== null && due && (
              <CellLinks executionId={cell.lastExecutionId}>
                <HeldHeight name={cell.lastExecutionId}>
                  <OutputArea
                    executionId={cell.lastExecutionId}
                    failed={execution?.id === cell.lastExecutionId && execution.status === "error"}
                  />
                </HeldHeight>
              </CellLinks>
            )}
            {execution !== null && isOpen(execution) && <InputRows executionId={execution.id} commands={commands} />}
          </>
        )}
      </div>
    </article>
  );
});

interface SourceProps extends CellProps {
  readonly editing: boolean;
  readonly near: boolean;
  /** The browser has had time for what is heavy. */
  readonly due: boolean;
}

function Source({ cell, number, editing, near, due, drafts, commands }: SourceProps) {
  const ui = useUi();
  const ask = useAsk();
  const edit = () => ui.edit(cell.id);
  if (cell.cellType === "markdown" && !editing) {
    return (
      <div className="rendered" data-testid="markdown-rendered">
        {cell.source.trim() === "" ? (
          <p className="rendered-empty">Empty Markdown cell. Double-click or press Enter to write.</p>
        ) : due ? (
          <LazyMarkdown source={cell.source} attachments={cell.attachments} />
        ) : (
          <pre className="markdown-source">{cell.source}</pre>
        )}
      </div>
    );
  }
  if (!near && !editing) {
    return (
      <div className="source">
        <StaticCode source={cell.source} python={cell.cellType === "code"} />
      </div>
    );
  }
  return (
    <div className="source">
      <Editor
        draft={drafts.of(cell.id, cell.source)}
        source={cell.source}
        cellType={cell.cellType}
        label={`Source of cell ${number}`}
        editing={editing}
        takeCaretPlace={() => {
          const place = ui.caretPlace;
          ui.caretPlace = "keep";
          return place;
        }}
        ask={ask}
        onFocus={edit}
        onBlur={() => {
          drafts.flush(cell.id);
          // A window that loses the focus gives it back to the editor later.
          if (document.hasFocus()) ui.leave(cell.id);
        }}
        onEdge={(direction) => commands.editBeside(cell.id, direction)}
      />
    </div>
  );
}

interface CellNoteProps {
  readonly execution: ExecutionRow | null;
  readonly inView: boolean;
  readonly commands: NotebookCommands;
}

/** What must be said of the last run in words. */
function CellNote({ execution, inView, commands }: CellNoteProps) {
  if (execution === null) return null;
  if (execution.status === "queued") return <QueuedNote executionId={execution.id} inView={inView} commands={commands} />;
  if (execution.status === "cancelling") return <p className="cell-note">Stopping…</p>;
  const ended = endedInWords(execution);
  if (ended === null) return null;
  const lost = execution.status === "lost";
  return (
    <p className={lost ? "cell-note bad" : "cell-note"} data-testid="cell-note">
      {ended}
      {lost && (
        <button type="button" className="link-button" data-testid="run-again" onClick={() => commands.runCell(execution.cellId)}>
          Run again
        </button>
      )}
    </p>
  );
}

function kindOf(cellType: string): string {
  return capitalised(cellType === "sql" || cellType === "ai" ? cellType.toUpperCase() : cellType);
}
