// How the app reads and changes an open notebook: the only place that knows the store's interface and the query catalogue.
import {
  type CellRow,
  type EventArgs,
  type EventName,
  type ExecutionRow,
  type InputRequestRow,
  type Json,
  type OutputRow,
  type QueueRow,
  queries,
  type RuntimeSessionRow,
} from "@runt/schema";
import type { Store, StoreStatus } from "@runt/store";
import { useQuery, useStatus, useStore, useText } from "@runt/store/react";
import { createContext, useContext, useMemo } from "react";
import { type Answer, readAnswer } from "../model/live-answers";
import { parseJson } from "../model/mime";
import type { CommLink } from "./comm-hub";

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

/** The cell's newest execution, whatever its state; `follow` as in `useQuery`. */
export function useLatestExecution(cellId: string, follow: boolean): ExecutionRow | null {
  return useQuery(queries.latestExecution, { cellId }, { follow })[0] ?? null;
}

/** Tell whether the runtime session that an execution ran in is still the active one. */
export function useRunsOn(executionId: string): boolean {
  const execution = useQuery(queries.execution, { executionId })[0];
  const active = useQuery(queries.activeSession, {})[0];
  return active !== undefined && execution?.sessionId === active.sessionId;
}

/** What is queued or runs, in order; `follow` as in `useQuery`. */
export function useQueue(follow = true): readonly QueueRow[] {
  return useQuery(queries.queue, {}, { follow });
}

/** Where an open execution stands: how many run or wait before it, and its number among those that wait. */
export interface QueuePlace {
  readonly ahead: number;
  readonly number: number;
}

/** Null when the execution is over; `follow` as in `useQuery`. */
export function useQueuePlace(executionId: string, follow: boolean): QueuePlace | null {
  return placesOf(useQueue(follow)).get(executionId) ?? null;
}

// Every waiting cell asks at every change: counted once for all of them.
const places = new WeakMap<readonly QueueRow[], ReadonlyMap<string, QueuePlace>>();

function placesOf(open: readonly QueueRow[]): ReadonlyMap<string, QueuePlace> {
  let known = places.get(open);
  if (known === undefined) {
    let number = 0;
    known = new Map(open.map(({ id, status }, ahead) => [id, { ahead, number: status === "queued" ? ++number : number }]));
    places.set(open, known);
  }
  return known;
}

/** The active runtime session, or the last one there was. */
export function useLatestSession(): RuntimeSessionRow | null {
  const active = useQuery(queries.activeSession, {})[0];
  const latest = useQuery(queries.latestSession, {})[0];
  return active ?? latest ?? null;
}

/** What a session ran last. */
export function useLastExecution(sessionId: string | null): ExecutionRow | null {
  return useQuery(queries.executions, {}).findLast((row) => row.sessionId === sessionId && row.startedMs !== null) ?? null;
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
  return store.query(queries.queue, {}).length > 0;
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

/** What a page may ask a runtime; runtime_schema/live.py says with which data. */
export type Question = "complete" | "inspect" | "variables" | "resources";

export type Ask = (question: Question, data?: Readonly<Record<string, string | number>>) => Promise<Answer>;

/** The way to the runtime, whichever is active when it is asked. */
export function useAsk(): Ask {
  const store = useStore();
  return useMemo(() => (question, data) => askRuntime(store, question, data), [store]);
}

/** Ask the runtime; what keeps it from answering is told as a sentence. */
export async function askRuntime(store: Store, question: Question, data: Readonly<Record<string, string | number>> = {}): Promise<Answer> {
  const session = readActiveSession(store);
  if (session === null) return { problem: "There is no runtime to ask." };
  if (session.status !== "ready") return { problem: "The runtime cannot be asked now." };
  try {
    const { sessionId, storeSessionId } = session;
    return readAnswer(await store.sendLive(`runtime.${question}`, { sessionId, ...data }, { to: storeSessionId }));
  } catch {
    return { problem: "The runtime does not answer." };
  }
}

/** The way of widgets to the runtime, whichever is active. */
export function commLink(store: Store): CommLink {
  return {
    sessionId: () => readActiveSession(store)?.sessionId ?? null,
    isConnected: () => store.status.connected,
    send: async (topic, data) => {
      const session = readActiveSession(store);
      if (session?.status !== "ready" || session.sessionId !== data.sessionId) return "lost";
      try {
        return "data" in readAnswer(await store.sendLive(topic, data, { to: session.storeSessionId })) ? "taken" : "refused";
      } catch {
        return "lost";
      }
    },
    onPiece: (listener) =>
      store.onLive("runtime.comm", ({ data, sender }) => {
        // Anybody who may edit can send live messages; widgets are the runtime's alone.
        const isRuntime = sender === readActiveSession(store)?.storeSessionId;
        if (isRuntime && typeof data === "object" && data !== null && !Array.isArray(data)) listener(data as Record<string, Json>);
        return null;
      }),
    onChange: (listener) => {
      const stops = [store.subscribe(queries.activeSession, {}, listener), store.subscribeStatus(listener)];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}

/** Call back whenever a cell changes. */
export function watchCells(store: Store, listener: () => void): () => void {
  return store.subscribe(queries.cells, {}, listener);
}

/** Which cells ran last, and as what: changes when one runs, comes or goes. */
export function runsOf(store: Store): string {
  return readCells(store)
    .map((cell) => cell.lastExecutionId)
    .join();
}

/** Find the cell that ran under a number before an execution of the same session; null when it is gone or ran again since. */
export function cellOfCount(store: Store, executionId: string, executionCount: number): string | null {
  const runs = store.query(queries.executions, {});
  const own = runs.find((run) => run.id === executionId);
  // After a restart the numbers begin anew: the newest run that can be meant is.
  const named = runs.findLast(
    (run) => run.executionCount === executionCount && own !== undefined && run.sessionId === own.sessionId && run.ord <= own.ord,
  );
  return readCells(store).find((cell) => named !== undefined && cell.lastExecutionId === named.id)?.id ?? null;
}
