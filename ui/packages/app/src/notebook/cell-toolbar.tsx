// The buttons of one cell, seen on hover and focus.
import { IconButton } from "../icons";
import type { NotebookCommands } from "./commands";

interface ToolbarProps {
  readonly cellId: string;
  readonly cellType: string;
  readonly running: boolean;
  readonly commands: NotebookCommands;
}

export function CellToolbar({ cellId, cellType, running, commands }: ToolbarProps) {
  const code = cellType === "code";
  return (
    <div className="cell-toolbar" role="toolbar" aria-label="Cell">
      {code && running && <IconButton icon="stop" label="Stop" testId="cell-stop" onClick={() => commands.stopCell(cellId)} />}
      {code && !running && <IconButton icon="run" label="Run" testId="cell-run" onClick={() => commands.runCell(cellId)} />}
      <IconButton
        icon={code ? "markdown" : "code"}
        label={code ? "Make it a Markdown cell" : "Make it a code cell"}
        testId="cell-switch-type"
        onClick={() => commands.setType(cellId, code ? "markdown" : "code")}
      />
      <IconButton icon="up" label="Move up" testId="cell-move-up" onClick={() => commands.move(cellId, -1)} />
      <IconButton icon="down" label="Move down" testId="cell-move-down" onClick={() => commands.move(cellId, 1)} />
      <IconButton icon="add" label="Add a cell below" testId="cell-add-below" onClick={() => commands.insertBeside(cellId, 1, "code")} />
      <IconButton icon="trash" label="Delete" testId="cell-delete" onClick={() => commands.deleteCell(cellId)} />
    </div>
  );
}
