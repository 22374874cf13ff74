// Random events for properties of the state.
import fc from "fast-check";
import type { Args } from "../src/state";

const cells = fc.constantFrom("a", "b", "c");
const executions = fc.constantFrom("e1", "e2", "e3");
const sessions = fc.constantFrom("r1", "r2");

/** Events that get in each other's way: few ids, all rules of execution. */
export const events: fc.Arbitrary<readonly [string, Args]> = fc.oneof(
  fc
    .record({ cellId: cells, position: fc.constantFrom("a0", "a1"), source: fc.string() })
    .map((args) => ["v1.CellCreated", { ...args, cellType: "code" }] as const),
  fc.record({ cellId: cells, source: fc.string() }).map((args) => ["v1.CellSourceSet", args] as const),
  fc.record({ cellId: cells, cellType: fc.constantFrom("code", "markdown") }).map((args) => ["v1.CellTypeSet", args] as const),
  cells.map((cellId) => ["v1.CellDeleted", { cellId }] as const),
  fc
    .record({ sessionId: sessions, replaces: fc.option(sessions, { nil: undefined }) })
    .map(
      (args) =>
        [
          "v1.RuntimeSessionStarted",
          { ...args, runtimeId: "r", runtimeType: "python", capabilities: ["code"], info: "{}", lostAfterMs: 1, startedMs: 2 },
        ] as const,
    ),
  sessions.map((sessionId) => ["v1.RuntimeSessionStatusSet", { sessionId, status: "ready" }] as const),
  sessions.map((sessionId) => ["v1.RuntimeSessionTerminated", { sessionId, reason: "evicted" }] as const),
  fc
    .record({ executionId: executions, cellId: cells })
    .map((args) => ["v1.ExecutionRequested", { ...args, source: "1", requestedMs: 1 }] as const),
  fc
    .record({ executionId: executions, sessionId: sessions })
    .map((args) => ["v1.ExecutionStarted", { ...args, executionCount: 1, startedMs: 1 }] as const),
  fc
    .record({ executionId: executions, sessionId: sessions, n: fc.nat(3), text: fc.string() })
    .map((args) => ["v1.StreamAppended", { ...args, outputId: "o", stream: "stdout" }] as const),
  fc
    .record({ executionId: executions, sessionId: sessions, status: fc.constantFrom("ok", "error") })
    .map((args) => ["v1.ExecutionFinished", { ...args, finishedMs: 1 }] as const),
  fc.constant(["v1.ExecutionCancelRequested", { all: true, reason: "stop" }] as const),
);
