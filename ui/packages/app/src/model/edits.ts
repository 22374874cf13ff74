// What people do to cells, as the events that say so. Pure: cells as they stand go in, events come out.
import type { CellType, EventArgs, EventName } from "@runt/schema";
import { positionAt } from "./position";

/** What of a cell matters here. */
export interface CellFacts {
  readonly id: string;
  readonly cellType: string;
  readonly source: string;
  readonly position: string;
}

/** An event to commit: its wire name and args. */
export type EventDraft = { readonly [Name in EventName]: { readonly name: Name; readonly args: EventArgs[Name] } }[EventName];

const CELL_TYPES: readonly CellType[] = ["code", "markdown", "raw", "sql", "ai"];
const EXECUTABLE: ReadonlySet<string> = new Set<CellType>(["code", "sql", "ai"]);
/** Well under the 256 KiB that a backend takes for one event. */
const BATCH_CHARS = 60_000;

/** Take a row's cell type for what it says; one of a later version is raw text here. */
export function cellTypeOf(text: string): CellType {
  return CELL_TYPES.find((one) => one === text) ?? "raw";
}

export function isExecutable(cellType: string): boolean {
  return EXECUTABLE.has(cellType);
}

/**
 * Run all cells that have something to run, in order; the first failure cancels the rest.
 *
 * @returns one event, or several of one batch where the sources are too long for one; none when nothing runs
 */
export function runAll(cells: readonly CellFacts[], newId: () => string, nowMs: number): EventDraft[] {
  const groups: { executionId: string; cellId: string; source: string }[][] = [];
  let room = 0;
  for (const cell of cells) {
    if (!isExecutable(cell.cellType) || cell.source.trim() === "") continue;
    const item = { executionId: newId(), cellId: cell.id, source: cell.source };
    const last = groups.at(-1);
    if (last === undefined || item.source.length > room) {
      groups.push([item]);
      room = BATCH_CHARS - item.source.length;
    } else {
      last.push(item);
      room -= item.source.length;
    }
  }
  const batchId = newId();
  return groups.map(
    (items): EventDraft => ({ name: "v1.ExecutionBatchRequested", args: { batchId, stopOnError: true, items, requestedMs: nowMs } }),
  );
}

/** Run one cell with the source that is shown; a cell without any only loses its outputs. */
export function runCell(cell: CellFacts, newId: () => string, nowMs: number): EventDraft[] {
  if (!isExecutable(cell.cellType)) return [];
  if (cell.source.trim() === "") return [{ name: "v1.CellOutputsCleared", args: { cellId: cell.id } }];
  return [{ name: "v1.ExecutionRequested", args: { executionId: newId(), cellId: cell.id, source: cell.source, requestedMs: nowMs } }];
}

/** A new cell's content. */
export interface NewCell {
  readonly cellId: string;
  readonly cellType: CellType;
  readonly source: string;
  readonly metadata?: string;
  readonly attachments?: string | null;
}

/** Put a new cell at a place of the list: 0 is in front of all. */
export function createCell(cells: readonly CellFacts[], index: number, cell: NewCell): EventDraft {
  const { cellId, cellType, source, metadata, attachments } = cell;
  return {
    name: "v1.CellCreated",
    args: {
      cellId,
      cellType,
      position: positionAt(cells, Math.min(index, cells.length)),
      source,
      ...(metadata === undefined ? {} : { metadata }),
      ...(attachments == null ? {} : { attachments }),
    },
  };
}

/** Move a cell one place up or down; null at the end of the list. */
export function moveCell(cells: readonly CellFacts[], cellId: string, direction: -1 | 1): EventDraft | null {
  const from = cells.findIndex((cell) => cell.id === cellId);
  const to = from + direction;
  if (from < 0 || to < 0 || to >= cells.length) return null;
  const others = cells.filter((cell) => cell.id !== cellId);
  return { name: "v1.CellMoved", args: { cellId, position: positionAt(others, to) } };
}

/** Split a cell's source at a place; a line break there belongs to neither half. */
export function splitSource(source: string, at: number): readonly [string, string] {
  return [source.slice(0, at).replace(/\n$/, ""), source.slice(at).replace(/^\n/, "")];
}

/** What is selected after a cell goes: the next one, or the last. */
export function neighbourOf(cells: readonly CellFacts[], cellId: string): string | null {
  const index = cells.findIndex((cell) => cell.id === cellId);
  return (cells[index + 1] ?? cells[index - 1])?.id ?? null;
}
