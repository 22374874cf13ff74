// How the app reads and changes an open notebook: the only place that knows the store's interface and the query catalogue.
import {
  type CellRow,
  type EventArgs,
  type EventName,
  type ExecutionRow,
  type InputRequestRow,
  type OutputRow,
  queries,
  type RuntimeSessionRow,
} from "@runt/schema";
import type { Store, StoreStatus } from "@runt/store";
import { useQuery, useStatus, useStore, useText } from "@runt/store/react";
import { createContext, useContext } from "react";
import { parseJson } from "../model/mime";

export type { CellRow, ExecutionRow, InputRequestRow, OutputRow, RuntimeSessionRow };
export { useStore };

export const NotebookIdContext = createContext("");

export function useNotebookId(): string {
  return useContext(NotebookIdContext);
}

/** All cells in order, without their outputs. */
export function useCells(): readonly CellRow[] {
  return useQuery(queries.cells, {});
}

/** The cell's newest execution, whatever its state. */
export function useLatestExecution(cellId: string): ExecutionRow | null {
  return useQuery(queries.latestExecution, { cellId })[0] ?? null;
}

/** What is queued or runs, in order. */
export function useOpenExecutions(): readonly ExecutionRow[] {
  return useQuery(queries.openExecutions, {});
}

/** The active runtime session, or the last one there was. */
export function useLatestSession(): RuntimeSessionRow | null {
  const active = useQuery(queries.activeSession, {})[0];
  const latest = useQuery(queries.latestSession, {})[0];
  return active ?? latest ?? null;
}

export function useOutputs(executionId: string): readonly OutputRow[] {
  return useQuery(queries.outputs, { executionId });
}

export function usePendingInputs(): readonly InputRequestRow[] {
  return useQuery(queries.pendingInputs, {});
}

export function useTitle(): string {
  const value = useQuery(queries.metadata, {}).find((row) => row.key === "title")?.value;
  const title = value === undefined ? undefined : parseJson(value);
  return typeof title === "string" ? title : "";
}

export function useConnection(): StoreStatus {
  return useStatus();
}

/** The text of a streamed output so far. */
export function useStreamedText(outputId: string): string {
  return useText(outputId);
}

export function readCells(store: Store): readonly CellRow[] {
  return store.query(queries.cells, {});
}

export function readLatestExecution(store: Store, cellId: string): ExecutionRow | null {
  return store.query(queries.latestExecution, { cellId })[0] ?? null;
}

export function readActiveSession(store: Store): RuntimeSessionRow | null {
  return store.query(queries.activeSession, {})[0] ?? null;
}

/** Tell whether anything runs or waits. */
export function hasOpenWork(store: Store): boolean {
  return store.query(queries.openExecutions, {}).length > 0;
}

/** Commit an event; settles when the server has decided on it. */
export async function commitDraft<Name extends EventName>(
  store: Store,
  event: { readonly name: Name; readonly args: EventArgs[Name] },
): Promise<void> {
  await store.commit(event.name, event.args);
}

/** Send the runtime an acknowledged message; fails when it does not answer. */
export async function tellRuntime(
  store: Store,
  session: RuntimeSessionRow,
  topic: string,
  data: Readonly<Record<string, string>>,
): Promise<void> {
  await store.sendLive(topic, data, { to: session.storeSessionId });
}
