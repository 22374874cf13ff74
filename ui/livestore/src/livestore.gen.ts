// The schema of notebooks for LiveStore, generated from runtime_schema by `make generate`. Edit that, not this.

import { Events, makeSchema, Schema, State } from "@livestore/livestore";
import { fits } from "./fits";
import { rule } from "./rule";

const Representation = Schema.Union(
  Schema.Struct({ type: Schema.Literal("inline"), data: Schema.String }),
  Schema.Struct({ type: Schema.Literal("artifact"), sha256: Schema.String, sizeBytes: Schema.Number }),
);
const Bundle = Schema.Record({ key: Schema.String, value: Representation });
const BatchItem = Schema.Struct({ executionId: Schema.String, cellId: Schema.String, source: Schema.String });

/** Every event of a notebook; a call of one gives what `store.commit` takes. */
export const events = {
  notebookMetadataSet: Events.synced({ name: "v1.NotebookMetadataSet", schema: fits("v1.NotebookMetadataSet", Schema.Struct({ key: Schema.String, value: Schema.String })) }),
  cellCreated: Events.synced({ name: "v1.CellCreated", schema: fits("v1.CellCreated", Schema.Struct({ cellId: Schema.String, cellType: Schema.Literal("code", "markdown", "raw", "sql", "ai"), position: Schema.String, source: Schema.String, metadata: Schema.optionalWith(Schema.String, { exact: true }), attachments: Schema.optionalWith(Schema.String, { exact: true }) })) }),
  cellSourceSet: Events.synced({ name: "v1.CellSourceSet", schema: fits("v1.CellSourceSet", Schema.Struct({ cellId: Schema.String, source: Schema.String })) }),
  cellTypeSet: Events.synced({ name: "v1.CellTypeSet", schema: fits("v1.CellTypeSet", Schema.Struct({ cellId: Schema.String, cellType: Schema.Literal("code", "markdown", "raw", "sql", "ai") })) }),
  cellMoved: Events.synced({ name: "v1.CellMoved", schema: fits("v1.CellMoved", Schema.Struct({ cellId: Schema.String, position: Schema.String })) }),
  cellDeleted: Events.synced({ name: "v1.CellDeleted", schema: fits("v1.CellDeleted", Schema.Struct({ cellId: Schema.String })) }),
  cellMetadataSet: Events.synced({ name: "v1.CellMetadataSet", schema: fits("v1.CellMetadataSet", Schema.Struct({ cellId: Schema.String, metadata: Schema.String })) }),
  cellVisibilitySet: Events.synced({ name: "v1.CellVisibilitySet", schema: fits("v1.CellVisibilitySet", Schema.Struct({ cellId: Schema.String, source: Schema.optionalWith(Schema.Boolean, { exact: true }), output: Schema.optionalWith(Schema.Boolean, { exact: true }), aiContext: Schema.optionalWith(Schema.Boolean, { exact: true }) })) }),
  runtimeSessionStarted: Events.synced({ name: "v1.RuntimeSessionStarted", schema: fits("v1.RuntimeSessionStarted", Schema.Struct({ sessionId: Schema.String, replaces: Schema.optionalWith(Schema.String, { exact: true }), runtimeId: Schema.String, runtimeType: Schema.String, capabilities: Schema.Array(Schema.Literal("code", "markdown", "raw", "sql", "ai")), info: Schema.String, lostAfterMs: Schema.Number, startedMs: Schema.Number })) }),
  runtimeSessionStatusSet: Events.synced({ name: "v1.RuntimeSessionStatusSet", schema: fits("v1.RuntimeSessionStatusSet", Schema.Struct({ sessionId: Schema.String, status: Schema.Literal("ready", "restarting") })) }),
  runtimeSessionUnreachable: Events.synced({ name: "v1.RuntimeSessionUnreachable", schema: fits("v1.RuntimeSessionUnreachable", Schema.Struct({ sessionId: Schema.String })) }),
  runtimeSessionResumed: Events.synced({ name: "v1.RuntimeSessionResumed", schema: fits("v1.RuntimeSessionResumed", Schema.Struct({ sessionId: Schema.String })) }),
  runtimeSessionTerminated: Events.synced({ name: "v1.RuntimeSessionTerminated", schema: fits("v1.RuntimeSessionTerminated", Schema.Struct({ sessionId: Schema.String, reason: Schema.Literal("shutdown", "lost", "crashed", "restart", "evicted") })) }),
  executionRequested: Events.synced({ name: "v1.ExecutionRequested", schema: fits("v1.ExecutionRequested", Schema.Struct({ executionId: Schema.String, cellId: Schema.String, source: Schema.String, requestedMs: Schema.Number })) }),
  executionBatchRequested: Events.synced({ name: "v1.ExecutionBatchRequested", schema: fits("v1.ExecutionBatchRequested", Schema.Struct({ batchId: Schema.String, stopOnError: Schema.Boolean, items: Schema.Array(BatchItem), requestedMs: Schema.Number })) }),
  executionStarted: Events.synced({ name: "v1.ExecutionStarted", schema: fits("v1.ExecutionStarted", Schema.Struct({ executionId: Schema.String, sessionId: Schema.String, executionCount: Schema.Number, startedMs: Schema.Number })) }),
  executionFinished: Events.synced({ name: "v1.ExecutionFinished", schema: fits("v1.ExecutionFinished", Schema.Struct({ executionId: Schema.String, sessionId: Schema.String, status: Schema.Literal("ok", "error", "cancelled"), errorName: Schema.optionalWith(Schema.String, { exact: true }), errorValue: Schema.optionalWith(Schema.String, { exact: true }), finishedMs: Schema.Number })) }),
  executionCancelRequested: Events.synced({ name: "v1.ExecutionCancelRequested", schema: fits("v1.ExecutionCancelRequested", Schema.Struct({ executionId: Schema.optionalWith(Schema.String, { exact: true }), all: Schema.optionalWith(Schema.Boolean, { exact: true }), reason: Schema.String })) }),
  streamAppended: Events.synced({ name: "v1.StreamAppended", schema: fits("v1.StreamAppended", Schema.Struct({ outputId: Schema.String, executionId: Schema.String, sessionId: Schema.String, stream: Schema.Literal("stdout", "stderr"), n: Schema.Number, text: Schema.String })) }),
  displayAdded: Events.synced({ name: "v1.DisplayAdded", schema: fits("v1.DisplayAdded", Schema.Struct({ outputId: Schema.String, executionId: Schema.String, sessionId: Schema.String, displayId: Schema.optionalWith(Schema.String, { exact: true }), bundle: Bundle, metadata: Schema.String })) }),
  displayUpdated: Events.synced({ name: "v1.DisplayUpdated", schema: fits("v1.DisplayUpdated", Schema.Struct({ displayId: Schema.String, executionId: Schema.String, sessionId: Schema.String, bundle: Bundle, metadata: Schema.String })) }),
  resultAdded: Events.synced({ name: "v1.ResultAdded", schema: fits("v1.ResultAdded", Schema.Struct({ outputId: Schema.String, executionId: Schema.String, sessionId: Schema.String, executionCount: Schema.Number, bundle: Bundle, metadata: Schema.String })) }),
  errorAdded: Events.synced({ name: "v1.ErrorAdded", schema: fits("v1.ErrorAdded", Schema.Struct({ outputId: Schema.String, executionId: Schema.String, sessionId: Schema.String, name: Schema.String, value: Schema.String, traceback: Schema.Array(Schema.String) })) }),
  markdownAppended: Events.synced({ name: "v1.MarkdownAppended", schema: fits("v1.MarkdownAppended", Schema.Struct({ outputId: Schema.String, executionId: Schema.String, sessionId: Schema.String, n: Schema.Number, text: Schema.String })) }),
  outputsCleared: Events.synced({ name: "v1.OutputsCleared", schema: fits("v1.OutputsCleared", Schema.Struct({ executionId: Schema.String, sessionId: Schema.String, wait: Schema.Boolean })) }),
  cellOutputsCleared: Events.synced({ name: "v1.CellOutputsCleared", schema: fits("v1.CellOutputsCleared", Schema.Struct({ cellId: Schema.String })) }),
  inputRequested: Events.synced({ name: "v1.InputRequested", schema: fits("v1.InputRequested", Schema.Struct({ requestId: Schema.String, executionId: Schema.String, sessionId: Schema.String, prompt: Schema.String, password: Schema.Boolean })) }),
  inputReplied: Events.synced({ name: "v1.InputReplied", schema: fits("v1.InputReplied", Schema.Struct({ requestId: Schema.String, value: Schema.optionalWith(Schema.String, { exact: true }) })) }),
  actorSet: Events.synced({ name: "v1.ActorSet", schema: fits("v1.ActorSet", Schema.Struct({ actorId: Schema.String, kind: Schema.Literal("human", "runtime", "ai"), name: Schema.String, avatar: Schema.optionalWith(Schema.String, { exact: true }) })) }),
  filePut: Events.synced({ name: "v1.FilePut", schema: fits("v1.FilePut", Schema.Struct({ path: Schema.String, sha256: Schema.String, mimeType: Schema.String, sizeBytes: Schema.Number, createdMs: Schema.Number })) }),
  fileDeleted: Events.synced({ name: "v1.FileDeleted", schema: fits("v1.FileDeleted", Schema.Struct({ path: Schema.String })) }),
};

/** The tables of the state. LiveStore knows no partial indexes; here they cover their whole table. */
export const tables = {
  notebook: State.SQLite.table({ name: "notebook", columns: { key: State.SQLite.text({ primaryKey: true }), value: State.SQLite.text() } }),
  cells: State.SQLite.table({ name: "cells", columns: { id: State.SQLite.text({ primaryKey: true }), cell_type: State.SQLite.text(), source: State.SQLite.text(), position: State.SQLite.text(), source_visible: State.SQLite.integer({ default: 1 }), output_visible: State.SQLite.integer({ default: 1 }), ai_context_visible: State.SQLite.integer({ default: 1 }), metadata: State.SQLite.text(), attachments: State.SQLite.text({ nullable: true }), created_by: State.SQLite.text(), last_execution_id: State.SQLite.text({ nullable: true }) }, indexes: [{ name: "cells_by_position", columns: ["position", "id"] }] }),
  runtime_sessions: State.SQLite.table({ name: "runtime_sessions", columns: { session_id: State.SQLite.text({ primaryKey: true }), ord: State.SQLite.integer(), store_session_id: State.SQLite.text(), runtime_id: State.SQLite.text(), runtime_type: State.SQLite.text(), client_id: State.SQLite.text(), status: State.SQLite.text(), resume_status: State.SQLite.text({ nullable: true }), lost_after_ms: State.SQLite.integer(), capabilities: State.SQLite.text(), info: State.SQLite.text(), started_ms: State.SQLite.integer(), ended_reason: State.SQLite.text({ nullable: true }) }, indexes: [{ name: "sessions_by_ord", columns: ["ord"] }, { name: "sessions_active", columns: ["session_id"] }] }),
  executions: State.SQLite.table({ name: "executions", columns: { id: State.SQLite.text({ primaryKey: true }), ord: State.SQLite.integer(), cell_id: State.SQLite.text(), cell_type: State.SQLite.text({ nullable: true }), source: State.SQLite.text(), batch_id: State.SQLite.text({ nullable: true }), stop_on_error: State.SQLite.integer({ default: 0 }), requested_by: State.SQLite.text(), requested_ms: State.SQLite.integer(), status: State.SQLite.text(), session_id: State.SQLite.text({ nullable: true }), execution_count: State.SQLite.integer({ nullable: true }), started_ms: State.SQLite.integer({ nullable: true }), finished_ms: State.SQLite.integer({ nullable: true }), error_name: State.SQLite.text({ nullable: true }), error_value: State.SQLite.text({ nullable: true }), reason: State.SQLite.text({ nullable: true }) }, indexes: [{ name: "executions_by_ord", columns: ["ord"] }, { name: "executions_by_cell", columns: ["cell_id", "ord"] }, { name: "executions_stopping", columns: ["batch_id"] }, { name: "executions_queued", columns: ["cell_id"] }, { name: "executions_running", columns: ["session_id"] }] }),
  outputs: State.SQLite.table({ name: "outputs", columns: { id: State.SQLite.text({ primaryKey: true }), ord: State.SQLite.integer(), cell_id: State.SQLite.text(), execution_id: State.SQLite.text(), kind: State.SQLite.text(), stream: State.SQLite.text({ nullable: true }), display_id: State.SQLite.text({ nullable: true }), execution_count: State.SQLite.integer({ nullable: true }), bundle: State.SQLite.text({ nullable: true }), metadata: State.SQLite.text({ nullable: true }), error_name: State.SQLite.text({ nullable: true }), error_value: State.SQLite.text({ nullable: true }), traceback: State.SQLite.text({ nullable: true }) }, indexes: [{ name: "outputs_by_ord", columns: ["ord"] }, { name: "outputs_by_cell", columns: ["cell_id"] }, { name: "outputs_by_execution", columns: ["execution_id", "ord"] }, { name: "outputs_by_display", columns: ["display_id"] }] }),
  output_chunks: State.SQLite.table({ name: "output_chunks", columns: { output_id: State.SQLite.text({ primaryKey: true }), n: State.SQLite.integer({ primaryKey: true }), text: State.SQLite.text() } }),
  pending_clears: State.SQLite.table({ name: "pending_clears", columns: { cell_id: State.SQLite.text({ primaryKey: true }) } }),
  input_requests: State.SQLite.table({ name: "input_requests", columns: { id: State.SQLite.text({ primaryKey: true }), execution_id: State.SQLite.text(), prompt: State.SQLite.text(), password: State.SQLite.integer(), status: State.SQLite.text(), value: State.SQLite.text({ nullable: true }) }, indexes: [{ name: "inputs_pending", columns: ["execution_id"] }] }),
  actors: State.SQLite.table({ name: "actors", columns: { id: State.SQLite.text({ primaryKey: true }), kind: State.SQLite.text(), name: State.SQLite.text(), avatar: State.SQLite.text({ nullable: true }) } }),
  files: State.SQLite.table({ name: "files", columns: { path: State.SQLite.text({ primaryKey: true }), sha256: State.SQLite.text(), mime_type: State.SQLite.text(), size_bytes: State.SQLite.integer(), created_by: State.SQLite.text(), created_ms: State.SQLite.integer() } }),
};

/** The rules, by event. */
export const materializers = State.SQLite.materializers(events, {
  "v1.NotebookMetadataSet": rule("v1.NotebookMetadataSet"),
  "v1.CellCreated": rule("v1.CellCreated"),
  "v1.CellSourceSet": rule("v1.CellSourceSet"),
  "v1.CellTypeSet": rule("v1.CellTypeSet"),
  "v1.CellMoved": rule("v1.CellMoved"),
  "v1.CellDeleted": rule("v1.CellDeleted"),
  "v1.CellMetadataSet": rule("v1.CellMetadataSet"),
  "v1.CellVisibilitySet": rule("v1.CellVisibilitySet"),
  "v1.RuntimeSessionStarted": rule("v1.RuntimeSessionStarted"),
  "v1.RuntimeSessionStatusSet": rule("v1.RuntimeSessionStatusSet"),
  "v1.RuntimeSessionUnreachable": rule("v1.RuntimeSessionUnreachable"),
  "v1.RuntimeSessionResumed": rule("v1.RuntimeSessionResumed"),
  "v1.RuntimeSessionTerminated": rule("v1.RuntimeSessionTerminated"),
  "v1.ExecutionRequested": rule("v1.ExecutionRequested"),
  "v1.ExecutionBatchRequested": rule("v1.ExecutionBatchRequested"),
  "v1.ExecutionStarted": rule("v1.ExecutionStarted"),
  "v1.ExecutionFinished": rule("v1.ExecutionFinished"),
  "v1.ExecutionCancelRequested": rule("v1.ExecutionCancelRequested"),
  "v1.StreamAppended": rule("v1.StreamAppended"),
  "v1.DisplayAdded": rule("v1.DisplayAdded"),
  "v1.DisplayUpdated": rule("v1.DisplayUpdated"),
  "v1.ResultAdded": rule("v1.ResultAdded"),
  "v1.ErrorAdded": rule("v1.ErrorAdded"),
  "v1.MarkdownAppended": rule("v1.MarkdownAppended"),
  "v1.OutputsCleared": rule("v1.OutputsCleared"),
  "v1.CellOutputsCleared": rule("v1.CellOutputsCleared"),
  "v1.InputRequested": rule("v1.InputRequested"),
  "v1.InputReplied": rule("v1.InputReplied"),
  "v1.ActorSet": rule("v1.ActorSet"),
  "v1.FilePut": rule("v1.FilePut"),
  "v1.FileDeleted": rule("v1.FileDeleted"),
});

const state = State.SQLite.makeState({ tables, materializers });

/** What a LiveStore store of a notebook is opened with. */
export const schema = makeSchema({ events, state, unknownEventHandling: { strategy: "ignore" } });
