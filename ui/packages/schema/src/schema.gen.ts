// The schema of notebooks, generated from runtime_schema by `make generate`. Edit that, not this.

/** A representation in a bundle: in the event itself, or bytes in the artifact store, named by their hash. */
export type Representation =
  | { readonly type: "inline"; readonly data: string }
  | { readonly type: "artifact"; readonly sha256: string; readonly sizeBytes: number };
/** Representations by MIME type. Inline data: text as it is, `+json` as JSON text, everything else base64. */
export type Bundle = Readonly<Record<string, Representation>>;
/** How the wire value of a field is checked. */
export type FieldKind =
  | "batchItem" | "boolean" | "bundle" | "id" | "integer" | "jsonText" | "position" | "sha256" | "string"
  | { readonly literal: readonly string[] }
  | { readonly list: FieldKind };
/** One field of an event's args. */
export interface FieldDefinition {
  readonly name: string;
  readonly optional: boolean;
  readonly kind: FieldKind;
}
/** SQL text and the names it binds, without their colon. */
export interface Statement {
  readonly sql: string;
  readonly params: readonly string[];
}
/** What one event does to the state: `runtime_schema.materializers` explains it. */
export interface Materializer {
  readonly guard: Statement | null;
  readonly statements: readonly Statement[];
  readonly rare: number;
  readonly each: string | null;
  readonly writes: Readonly<Record<string, string | null>>;
}
/** One read of the state. `row` and `bind` are types only: no query has these properties. */
export interface Query<Row, Params> extends Statement {
  readonly name: string;
  readonly columns: readonly string[];
  readonly reads: Readonly<Record<string, string | null>>;
  readonly row?: Row;
  readonly bind?: (params: Params) => void;
}
/** The parameters of a query that has none. */
export type NoParams = Readonly<Record<string, never>>;
/** A confirmed event as `events` frames carry it: name, args, clientId, storeSessionId, n. */
export type LogEvent = readonly [
  name: string,
  args: Readonly<Record<string, unknown>>,
  clientId: string,
  storeSessionId: string,
  n: number,
];

export type ActorKind = "human" | "runtime" | "ai";

export type ByeCode = "unauthorized" | "bad-frame" | "timeout" | "slow-consumer" | "too-many" | "ahead" | "not-found" | "shutdown";

export type CellType = "code" | "markdown" | "raw" | "sql" | "ai";

export type FinishStatus = "ok" | "error" | "cancelled";

export type RejectCode = "invalid" | "forbidden" | "too-large" | "conflict" | "upgrade" | "missing-artifact";

export type SessionStatus = "ready" | "restarting";

export type StreamName = "stdout" | "stderr";

export type TerminationReason = "shutdown" | "lost" | "crashed" | "restart" | "evicted";

/** One execution of a batch. */
export interface BatchItem {
  readonly executionId: string;
  readonly cellId: string;
  readonly source: string;
}

/** The args of every event, by wire name. */
export interface EventArgs {
  /** One key of the notebook's metadata has this value: `title`, or `metadata.` and a key of the file's. */
  "v1.NotebookMetadataSet": { readonly key: string; readonly value: string };
  /** A cell stands at `position`, a fractional index; its author is the envelope's client. */
  "v1.CellCreated": { readonly cellId: string; readonly cellType: CellType; readonly position: string; readonly source: string; readonly metadata?: string; readonly attachments?: string };
  /** The whole source of a cell is this text. */
  "v1.CellSourceSet": { readonly cellId: string; readonly source: string };
  /** The cell is of this type. */
  "v1.CellTypeSet": { readonly cellId: string; readonly cellType: CellType };
  /** The cell stands at another position. */
  "v1.CellMoved": { readonly cellId: string; readonly position: string };
  /** The cell, its outputs and its queued executions are gone. */
  "v1.CellDeleted": { readonly cellId: string };
  /** The cell's whole metadata is this object. */
  "v1.CellMetadataSet": { readonly cellId: string; readonly metadata: string };
  /** What of the cell is shown to people and to AI; an absent flag is unchanged. */
  "v1.CellVisibilitySet": { readonly cellId: string; readonly source?: boolean; readonly output?: boolean; readonly aiContext?: boolean };
  /** A runtime agent asks to be the notebook's runtime; accepted or refused by rule 1. */
  "v1.RuntimeSessionStarted": { readonly sessionId: string; readonly replaces?: string; readonly runtimeId: string; readonly runtimeType: string; readonly capabilities: readonly CellType[]; readonly info: string; readonly lostAfterMs: number; readonly startedMs: number };
  /** The session can run cells, or is restarting its engine. */
  "v1.RuntimeSessionStatusSet": { readonly sessionId: string; readonly status: SessionStatus };
  /** The authority has not heard of the session's agent for the lease time; ends nothing. */
  "v1.RuntimeSessionUnreachable": { readonly sessionId: string };
  /** The authority hears of an unreachable session again. */
  "v1.RuntimeSessionResumed": { readonly sessionId: string };
  /** The session is over: its queue is unassigned, what it was running is lost. */
  "v1.RuntimeSessionTerminated": { readonly sessionId: string; readonly reason: TerminationReason };
  /** Somebody wants this source of this cell to run; the source is what that person saw. */
  "v1.ExecutionRequested": { readonly executionId: string; readonly cellId: string; readonly source: string; readonly requestedMs: number };
  /** Several executions in order; with `stop_on_error` a failing one cancels those behind it. */
  "v1.ExecutionBatchRequested": { readonly batchId: string; readonly stopOnError: boolean; readonly items: readonly BatchItem[]; readonly requestedMs: number };
  /** The session is about to run the execution; user code waits for this event's receipt. */
  "v1.ExecutionStarted": { readonly executionId: string; readonly sessionId: string; readonly executionCount: number; readonly startedMs: number };
  /** The execution ended; a cell that raised is `error`, never `ok`. */
  "v1.ExecutionFinished": { readonly executionId: string; readonly sessionId: string; readonly status: FinishStatus; readonly errorName?: string; readonly errorValue?: string; readonly finishedMs: number };
  /** Somebody wants one execution, or with `all` every open one, to end. */
  "v1.ExecutionCancelRequested": { readonly executionId?: string; readonly all?: boolean; readonly reason: string };
  /** Chunk `n` of a text output; the first one makes the output. */
  "v1.StreamAppended": { readonly outputId: string; readonly executionId: string; readonly sessionId: string; readonly stream: StreamName; readonly n: number; readonly text: string };
  /** A rich output; with a known `display_id` the earlier outputs of that id show it too. */
  "v1.DisplayAdded": { readonly outputId: string; readonly executionId: string; readonly sessionId: string; readonly displayId?: string; readonly bundle: Bundle; readonly metadata: string };
  /** Every output with this display id, in any cell, shows this bundle. */
  "v1.DisplayUpdated": { readonly displayId: string; readonly executionId: string; readonly sessionId: string; readonly bundle: Bundle; readonly metadata: string };
  /** The value of the cell's last expression. */
  "v1.ResultAdded": { readonly outputId: string; readonly executionId: string; readonly sessionId: string; readonly executionCount: number; readonly bundle: Bundle; readonly metadata: string };
  /** An exception, shown; the execution's own end is ExecutionFinished. */
  "v1.ErrorAdded": { readonly outputId: string; readonly executionId: string; readonly sessionId: string; readonly name: string; readonly value: string; readonly traceback: readonly string[] };
  /** Chunk `n` of a markdown output, as an AI answer streams it. */
  "v1.MarkdownAppended": { readonly outputId: string; readonly executionId: string; readonly sessionId: string; readonly n: number; readonly text: string };
  /** The runtime cleared the cell's outputs, or with `wait` will when the next output comes. */
  "v1.OutputsCleared": { readonly executionId: string; readonly sessionId: string; readonly wait: boolean };
  /** A person cleared the cell's outputs. */
  "v1.CellOutputsCleared": { readonly cellId: string };
  /** Running code waits for a line of text from a person. */
  "v1.InputRequested": { readonly requestId: string; readonly executionId: string; readonly sessionId: string; readonly prompt: string; readonly password: boolean };
  /** The line; a password's never stands here: it goes over the live channel and `value` is absent. */
  "v1.InputReplied": { readonly requestId: string; readonly value?: string };
  /** Name and picture of somebody who acts in the notebook. */
  "v1.ActorSet": { readonly actorId: string; readonly kind: ActorKind; readonly name: string; readonly avatar?: string };
  /** The notebook holds a file; its bytes are the artifact of that hash. */
  "v1.FilePut": { readonly path: string; readonly sha256: string; readonly mimeType: string; readonly sizeBytes: number; readonly createdMs: number };
  /** The notebook no longer holds that file. */
  "v1.FileDeleted": { readonly path: string };
}
/** Wire names of the events. */
export type EventName = keyof EventArgs;

/** Bounds that the backend tells in `welcome`. */
export interface Limits {
  readonly eventBytes: number;
  readonly batchEvents: number;
  readonly batchBytes: number;
  readonly frameBytes: number;
  readonly liveBytes: number;
  readonly eventsPerS: number;
  readonly connectionsPerUser: number;
  readonly sendQueueBytes: number;
  readonly helloTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly leaseMs: number;
}

/** One key of the notebook's metadata; `value` is JSON text. */
export interface MetadataRow {
  readonly key: string;
  readonly value: string;
}

/** A cell, without its outputs. */
export interface CellRow {
  readonly id: string;
  readonly cellType: string;
  readonly source: string;
  readonly position: string;
  readonly sourceVisible: number;
  readonly outputVisible: number;
  readonly aiContextVisible: number;
  readonly metadata: string;
  readonly attachments: string | null;
  readonly createdBy: string;
  readonly lastExecutionId: string | null;
}

/** One life of a runtime agent; `capabilities` is a JSON list of cell types, `info` a JSON object. */
export interface RuntimeSessionRow {
  readonly sessionId: string;
  readonly ord: number;
  readonly storeSessionId: string;
  readonly runtimeId: string;
  readonly runtimeType: string;
  readonly clientId: string;
  readonly status: string;
  readonly resumeStatus: string | null;
  readonly lostAfterMs: number;
  readonly capabilities: string;
  readonly info: string;
  readonly startedMs: number;
  readonly endedReason: string | null;
}

/** One requested execution and what became of it. */
export interface ExecutionRow {
  readonly id: string;
  readonly ord: number;
  readonly cellId: string;
  readonly cellType: string | null;
  readonly source: string;
  readonly batchId: string | null;
  readonly stopOnError: number;
  readonly requestedBy: string;
  readonly requestedMs: number;
  readonly status: string;
  readonly sessionId: string | null;
  readonly executionCount: number | null;
  readonly startedMs: number | null;
  readonly finishedMs: number | null;
  readonly errorName: string | null;
  readonly errorValue: string | null;
  readonly reason: string | null;
}

/** An execution that waits or runs. */
export interface QueueRow {
  readonly id: string;
  readonly status: string;
}

/** One output; the text of `stream` and `markdown` kinds is in its chunks. `bundle`, `metadata`, `traceback` are JSON text. */
export interface OutputRow {
  readonly id: string;
  readonly ord: number;
  readonly cellId: string;
  readonly executionId: string;
  readonly kind: string;
  readonly stream: string | null;
  readonly displayId: string | null;
  readonly executionCount: number | null;
  readonly bundle: string | null;
  readonly metadata: string | null;
  readonly errorName: string | null;
  readonly errorValue: string | null;
  readonly traceback: string | null;
}

/** One piece of a text output; the text is the pieces in `n` order. */
export interface ChunkRow {
  readonly outputId: string;
  readonly n: number;
  readonly text: string;
}

/** A line that running code asked for: `pending`, `answered` or `closed`. */
export interface InputRequestRow {
  readonly id: string;
  readonly executionId: string;
  readonly prompt: string;
  readonly password: number;
  readonly status: string;
  readonly value: string | null;
}

/** Somebody who acts in the notebook. */
export interface ActorRow {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly avatar: string | null;
}

/** A file that the notebook holds. */
export interface FileRow {
  readonly path: string;
  readonly sha256: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly createdBy: string;
  readonly createdMs: number;
}

/** Fields of every event, in order. */
export const EVENTS: Readonly<Record<EventName, readonly FieldDefinition[]>> = {
  "v1.NotebookMetadataSet": [
    {
      "name": "key",
      "optional": false,
      "kind": "string"
    },
    {
      "name": "value",
      "optional": false,
      "kind": "jsonText"
    }
  ],
  "v1.CellCreated": [
    {
      "name": "cellId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "cellType",
      "optional": false,
      "kind": {
        "literal": [
          "code",
          "markdown",
          "raw",
          "sql",
          "ai"
        ]
      }
    },
    {
      "name": "position",
      "optional": false,
      "kind": "position"
    },
    {
      "name": "source",
      "optional": false,
      "kind": "string"
    },
    {
      "name": "metadata",
      "optional": true,
      "kind": "jsonText"
    },
    {
      "name": "attachments",
      "optional": true,
      "kind": "jsonText"
    }
  ],
  "v1.CellSourceSet": [
    {
      "name": "cellId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "source",
      "optional": false,
      "kind": "string"
    }
  ],
  "v1.CellTypeSet": [
    {
      "name": "cellId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "cellType",
      "optional": false,
      "kind": {
        "literal": [
          "code",
          "markdown",
          "raw",
          "sql",
          "ai"
        ]
      }
    }
  ],
  "v1.CellMoved": [
    {
      "name": "cellId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "position",
      "optional": false,
      "kind": "position"
    }
  ],
  "v1.CellDeleted": [
    {
      "name": "cellId",
      "optional": false,
      "kind": "id"
    }
  ],
  "v1.CellMetadataSet": [
    {
      "name": "cellId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "metadata",
      "optional": false,
      "kind": "jsonText"
    }
  ],
  "v1.CellVisibilitySet": [
    {
      "name": "cellId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "source",
      "optional": true,
      "kind": "boolean"
    },
    {
      "name": "output",
      "optional": true,
      "kind": "boolean"
    },
    {
      "name": "aiContext",
      "optional": true,
      "kind": "boolean"
    }
  ],
  "v1.RuntimeSessionStarted": [
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "replaces",
      "optional": true,
      "kind": "id"
    },
    {
      "name": "runtimeId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "runtimeType",
      "optional": false,
      "kind": "string"
    },
    {
      "name": "capabilities",
      "optional": false,
      "kind": {
        "list": {
          "literal": [
            "code",
            "markdown",
            "raw",
            "sql",
            "ai"
          ]
        }
      }
    },
    {
      "name": "info",
      "optional": false,
      "kind": "jsonText"
    },
    {
      "name": "lostAfterMs",
      "optional": false,
      "kind": "integer"
    },
    {
      "name": "startedMs",
      "optional": false,
      "kind": "integer"
    }
  ],
  "v1.RuntimeSessionStatusSet": [
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "status",
      "optional": false,
      "kind": {
        "literal": [
          "ready",
          "restarting"
        ]
      }
    }
  ],
  "v1.RuntimeSessionUnreachable": [
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    }
  ],
  "v1.RuntimeSessionResumed": [
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    }
  ],
  "v1.RuntimeSessionTerminated": [
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "reason",
      "optional": false,
      "kind": {
        "literal": [
          "shutdown",
          "lost",
          "crashed",
          "restart",
          "evicted"
        ]
      }
    }
  ],
  "v1.ExecutionRequested": [
    {
      "name": "executionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "cellId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "source",
      "optional": false,
      "kind": "string"
    },
    {
      "name": "requestedMs",
      "optional": false,
      "kind": "integer"
    }
  ],
  "v1.ExecutionBatchRequested": [
    {
      "name": "batchId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "stopOnError",
      "optional": false,
      "kind": "boolean"
    },
    {
      "name": "items",
      "optional": false,
      "kind": {
        "list": "batchItem"
      }
    },
    {
      "name": "requestedMs",
      "optional": false,
      "kind": "integer"
    }
  ],
  "v1.ExecutionStarted": [
    {
      "name": "executionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "executionCount",
      "optional": false,
      "kind": "integer"
    },
    {
      "name": "startedMs",
      "optional": false,
      "kind": "integer"
    }
  ],
  "v1.ExecutionFinished": [
    {
      "name": "executionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "status",
      "optional": false,
      "kind": {
        "literal": [
          "ok",
          "error",
          "cancelled"
        ]
      }
    },
    {
      "name": "errorName",
      "optional": true,
      "kind": "string"
    },
    {
      "name": "errorValue",
      "optional": true,
      "kind": "string"
    },
    {
      "name": "finishedMs",
      "optional": false,
      "kind": "integer"
    }
  ],
  "v1.ExecutionCancelRequested": [
    {
      "name": "executionId",
      "optional": true,
      "kind": "id"
    },
    {
      "name": "all",
      "optional": true,
      "kind": "boolean"
    },
    {
      "name": "reason",
      "optional": false,
      "kind": "string"
    }
  ],
  "v1.StreamAppended": [
    {
      "name": "outputId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "executionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "stream",
      "optional": false,
      "kind": {
        "literal": [
          "stdout",
          "stderr"
        ]
      }
    },
    {
      "name": "n",
      "optional": false,
      "kind": "integer"
    },
    {
      "name": "text",
      "optional": false,
      "kind": "string"
    }
  ],
  "v1.DisplayAdded": [
    {
      "name": "outputId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "executionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "displayId",
      "optional": true,
      "kind": "string"
    },
    {
      "name": "bundle",
      "optional": false,
      "kind": "bundle"
    },
    {
      "name": "metadata",
      "optional": false,
      "kind": "jsonText"
    }
  ],
  "v1.DisplayUpdated": [
    {
      "name": "displayId",
      "optional": false,
      "kind": "string"
    },
    {
      "name": "executionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "bundle",
      "optional": false,
      "kind": "bundle"
    },
    {
      "name": "metadata",
      "optional": false,
      "kind": "jsonText"
    }
  ],
  "v1.ResultAdded": [
    {
      "name": "outputId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "executionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "executionCount",
      "optional": false,
      "kind": "integer"
    },
    {
      "name": "bundle",
      "optional": false,
      "kind": "bundle"
    },
    {
      "name": "metadata",
      "optional": false,
      "kind": "jsonText"
    }
  ],
  "v1.ErrorAdded": [
    {
      "name": "outputId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "executionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "name",
      "optional": false,
      "kind": "string"
    },
    {
      "name": "value",
      "optional": false,
      "kind": "string"
    },
    {
      "name": "traceback",
      "optional": false,
      "kind": {
        "list": "string"
      }
    }
  ],
  "v1.MarkdownAppended": [
    {
      "name": "outputId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "executionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "n",
      "optional": false,
      "kind": "integer"
    },
    {
      "name": "text",
      "optional": false,
      "kind": "string"
    }
  ],
  "v1.OutputsCleared": [
    {
      "name": "executionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "wait",
      "optional": false,
      "kind": "boolean"
    }
  ],
  "v1.CellOutputsCleared": [
    {
      "name": "cellId",
      "optional": false,
      "kind": "id"
    }
  ],
  "v1.InputRequested": [
    {
      "name": "requestId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "executionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "sessionId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "prompt",
      "optional": false,
      "kind": "string"
    },
    {
      "name": "password",
      "optional": false,
      "kind": "boolean"
    }
  ],
  "v1.InputReplied": [
    {
      "name": "requestId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "value",
      "optional": true,
      "kind": "string"
    }
  ],
  "v1.ActorSet": [
    {
      "name": "actorId",
      "optional": false,
      "kind": "id"
    },
    {
      "name": "kind",
      "optional": false,
      "kind": {
        "literal": [
          "human",
          "runtime",
          "ai"
        ]
      }
    },
    {
      "name": "name",
      "optional": false,
      "kind": "string"
    },
    {
      "name": "avatar",
      "optional": true,
      "kind": "string"
    }
  ],
  "v1.FilePut": [
    {
      "name": "path",
      "optional": false,
      "kind": "string"
    },
    {
      "name": "sha256",
      "optional": false,
      "kind": "sha256"
    },
    {
      "name": "mimeType",
      "optional": false,
      "kind": "string"
    },
    {
      "name": "sizeBytes",
      "optional": false,
      "kind": "integer"
    },
    {
      "name": "createdMs",
      "optional": false,
      "kind": "integer"
    }
  ],
  "v1.FileDeleted": [
    {
      "name": "path",
      "optional": false,
      "kind": "string"
    }
  ]
};

/** Events that only an authority commits. */
export const SERVER_ONLY: readonly EventName[] = [
  "v1.RuntimeSessionUnreachable",
  "v1.RuntimeSessionResumed"
];

/** Events that assume the same rules everywhere, dropped from a dead life. */
export const RULE_BOUND: readonly EventName[] = [
  "v1.RuntimeSessionStarted",
  "v1.RuntimeSessionStatusSet",
  "v1.ExecutionStarted"
];

/** Names of the tables, in creation order. */
export const TABLES: readonly string[] = [
  "notebook",
  "cells",
  "runtime_sessions",
  "executions",
  "outputs",
  "output_chunks",
  "pending_clears",
  "input_requests",
  "actors",
  "files"
];

/** Statements that make an empty state, in order. */
export const DDL: readonly string[] = [
  "CREATE TABLE notebook (\n  key TEXT NOT NULL PRIMARY KEY,\n  value TEXT NOT NULL\n) STRICT, WITHOUT ROWID",
  "CREATE TABLE cells (\n  id TEXT NOT NULL PRIMARY KEY,\n  cell_type TEXT NOT NULL,\n  source TEXT NOT NULL,\n  position TEXT NOT NULL,\n  source_visible INTEGER NOT NULL DEFAULT 1,\n  output_visible INTEGER NOT NULL DEFAULT 1,\n  ai_context_visible INTEGER NOT NULL DEFAULT 1,\n  metadata TEXT NOT NULL,\n  attachments TEXT,\n  created_by TEXT NOT NULL,\n  last_execution_id TEXT\n) STRICT",
  "CREATE TABLE runtime_sessions (\n  session_id TEXT NOT NULL PRIMARY KEY,\n  ord INTEGER NOT NULL,\n  store_session_id TEXT NOT NULL,\n  runtime_id TEXT NOT NULL,\n  runtime_type TEXT NOT NULL,\n  client_id TEXT NOT NULL,\n  status TEXT NOT NULL,\n  resume_status TEXT,\n  lost_after_ms INTEGER NOT NULL,\n  capabilities TEXT NOT NULL,\n  info TEXT NOT NULL,\n  started_ms INTEGER NOT NULL,\n  ended_reason TEXT\n) STRICT",
  "CREATE TABLE executions (\n  id TEXT NOT NULL PRIMARY KEY,\n  ord INTEGER NOT NULL,\n  cell_id TEXT NOT NULL,\n  cell_type TEXT,\n  source TEXT NOT NULL,\n  batch_id TEXT,\n  stop_on_error INTEGER NOT NULL DEFAULT 0,\n  requested_by TEXT NOT NULL,\n  requested_ms INTEGER NOT NULL,\n  status TEXT NOT NULL,\n  session_id TEXT,\n  execution_count INTEGER,\n  started_ms INTEGER,\n  finished_ms INTEGER,\n  error_name TEXT,\n  error_value TEXT,\n  reason TEXT\n) STRICT",
  "CREATE TABLE outputs (\n  id TEXT NOT NULL PRIMARY KEY,\n  ord INTEGER NOT NULL,\n  cell_id TEXT NOT NULL,\n  execution_id TEXT NOT NULL,\n  kind TEXT NOT NULL,\n  stream TEXT,\n  display_id TEXT,\n  execution_count INTEGER,\n  bundle TEXT,\n  metadata TEXT,\n  error_name TEXT,\n  error_value TEXT,\n  traceback TEXT\n) STRICT",
  "CREATE TABLE output_chunks (\n  output_id TEXT NOT NULL,\n  n INTEGER NOT NULL,\n  text TEXT NOT NULL,\n  PRIMARY KEY (output_id, n)\n) STRICT, WITHOUT ROWID",
  "CREATE TABLE pending_clears (\n  cell_id TEXT NOT NULL PRIMARY KEY\n) STRICT, WITHOUT ROWID",
  "CREATE TABLE input_requests (\n  id TEXT NOT NULL PRIMARY KEY,\n  execution_id TEXT NOT NULL,\n  prompt TEXT NOT NULL,\n  password INTEGER NOT NULL,\n  status TEXT NOT NULL,\n  value TEXT\n) STRICT",
  "CREATE TABLE actors (\n  id TEXT NOT NULL PRIMARY KEY,\n  kind TEXT NOT NULL,\n  name TEXT NOT NULL,\n  avatar TEXT\n) STRICT",
  "CREATE TABLE files (\n  path TEXT NOT NULL PRIMARY KEY,\n  sha256 TEXT NOT NULL,\n  mime_type TEXT NOT NULL,\n  size_bytes INTEGER NOT NULL,\n  created_by TEXT NOT NULL,\n  created_ms INTEGER NOT NULL\n) STRICT",
  "CREATE INDEX cells_by_position ON cells (position, id)",
  "CREATE INDEX sessions_by_ord ON runtime_sessions (ord)",
  "CREATE INDEX sessions_active ON runtime_sessions (session_id) WHERE status <> 'terminated'",
  "CREATE INDEX executions_by_ord ON executions (ord)",
  "CREATE INDEX executions_by_cell ON executions (cell_id, ord)",
  "CREATE INDEX executions_stopping ON executions (batch_id) WHERE status IN ('error', 'cancelled', 'lost')",
  "CREATE INDEX executions_queued ON executions (cell_id) WHERE status = 'queued'",
  "CREATE INDEX executions_running ON executions (session_id) WHERE status IN ('running', 'cancelling')",
  "CREATE INDEX outputs_by_ord ON outputs (ord)",
  "CREATE INDEX outputs_by_cell ON outputs (cell_id)",
  "CREATE INDEX outputs_by_execution ON outputs (execution_id, ord)",
  "CREATE INDEX outputs_by_display ON outputs (display_id) WHERE display_id IS NOT NULL",
  "CREATE INDEX inputs_pending ON input_requests (execution_id) WHERE status = 'pending'"
];

/** The rules, by event. */
export const MATERIALIZERS: Readonly<Record<EventName, Materializer>> = {
  "v1.NotebookMetadataSet": {
    "guard": null,
    "statements": [
      {
        "sql": "INSERT INTO notebook (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        "params": [
          "key",
          "value"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "notebook": null
    }
  },
  "v1.CellCreated": {
    "guard": {
      "sql": "SELECT (NOT EXISTS (SELECT 1 FROM cells WHERE id = :cellId))",
      "params": [
        "cellId"
      ]
    },
    "statements": [
      {
        "sql": "INSERT INTO cells (id, cell_type, source, position, metadata, attachments, created_by) VALUES (:cellId, :cellType, :source, :position, coalesce(:metadata, '{}'), :attachments, :clientId)",
        "params": [
          "cellId",
          "cellType",
          "source",
          "position",
          "metadata",
          "attachments",
          "clientId"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "cells": null
    }
  },
  "v1.CellSourceSet": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM cells WHERE (id = :cellId))",
      "params": [
        "cellId"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE cells SET source = :source WHERE id = :cellId",
        "params": [
          "source",
          "cellId"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "cells": null
    }
  },
  "v1.CellTypeSet": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM cells WHERE (id = :cellId))",
      "params": [
        "cellId"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE cells SET cell_type = :cellType WHERE id = :cellId",
        "params": [
          "cellType",
          "cellId"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "cells": null
    }
  },
  "v1.CellMoved": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM cells WHERE (id = :cellId))",
      "params": [
        "cellId"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE cells SET position = :position WHERE id = :cellId",
        "params": [
          "position",
          "cellId"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "cells": null
    }
  },
  "v1.CellDeleted": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM cells WHERE (id = :cellId))",
      "params": [
        "cellId"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE executions SET status = 'cancelled', reason = 'cell-deleted' WHERE cell_id = :cellId AND status = 'queued'",
        "params": [
          "cellId"
        ]
      },
      {
        "sql": "UPDATE executions SET status = 'cancelling', reason = 'cell-deleted' WHERE cell_id = :cellId AND status = 'running'",
        "params": [
          "cellId"
        ]
      },
      {
        "sql": "DELETE FROM output_chunks WHERE output_id IN (SELECT id FROM outputs WHERE cell_id = :cellId)",
        "params": [
          "cellId"
        ]
      },
      {
        "sql": "DELETE FROM outputs WHERE cell_id = :cellId",
        "params": [
          "cellId"
        ]
      },
      {
        "sql": "DELETE FROM pending_clears WHERE cell_id = :cellId",
        "params": [
          "cellId"
        ]
      },
      {
        "sql": "DELETE FROM cells WHERE id = :cellId",
        "params": [
          "cellId"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "executions": null,
      "output_chunks": null,
      "outputs": null,
      "pending_clears": null,
      "cells": null
    }
  },
  "v1.CellMetadataSet": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM cells WHERE (id = :cellId))",
      "params": [
        "cellId"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE cells SET metadata = :metadata WHERE id = :cellId",
        "params": [
          "metadata",
          "cellId"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "cells": null
    }
  },
  "v1.CellVisibilitySet": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM cells WHERE (id = :cellId))",
      "params": [
        "cellId"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE cells SET source_visible = coalesce(:source, source_visible), output_visible = coalesce(:output, output_visible), ai_context_visible = coalesce(:aiContext, ai_context_visible) WHERE id = :cellId",
        "params": [
          "source",
          "output",
          "aiContext",
          "cellId"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "cells": null
    }
  },
  "v1.RuntimeSessionStarted": {
    "guard": null,
    "statements": [
      {
        "sql": "UPDATE runtime_sessions SET status = 'terminated', ended_reason = 'displaced' WHERE status <> 'terminated' AND (session_id = :replaces) AND (NOT EXISTS (SELECT 1 FROM runtime_sessions t WHERE t.session_id = :sessionId))",
        "params": [
          "replaces",
          "sessionId"
        ]
      },
      {
        "sql": "INSERT INTO runtime_sessions (session_id, ord, store_session_id, runtime_id, runtime_type, client_id, status, lost_after_ms, capabilities, info, started_ms, ended_reason) SELECT :sessionId, (SELECT coalesce(max(ord), 0) + 1 FROM runtime_sessions), :storeSessionId, :runtimeId, :runtimeType, :clientId, CASE WHEN r.free THEN 'starting' ELSE 'terminated' END, :lostAfterMs, :capabilities, :info, :startedMs, CASE WHEN r.free THEN NULL ELSE 'refused' END FROM (SELECT (NOT EXISTS (SELECT 1 FROM runtime_sessions a WHERE a.status <> 'terminated')) AS free) r WHERE true ON CONFLICT (session_id) DO NOTHING",
        "params": [
          "sessionId",
          "storeSessionId",
          "runtimeId",
          "runtimeType",
          "clientId",
          "lostAfterMs",
          "capabilities",
          "info",
          "startedMs"
        ]
      },
      {
        "sql": "UPDATE executions SET status = 'lost', reason = (SELECT s.ended_reason FROM runtime_sessions s WHERE s.session_id = executions.session_id) WHERE status IN ('running', 'cancelling') AND (SELECT s.status FROM runtime_sessions s WHERE s.session_id = executions.session_id) = 'terminated'",
        "params": []
      },
      {
        "sql": "UPDATE executions SET session_id = NULL WHERE status = 'queued' AND session_id IS NOT NULL AND (SELECT s.status FROM runtime_sessions s WHERE s.session_id = executions.session_id) = 'terminated'",
        "params": []
      },
      {
        "sql": "UPDATE executions SET status = 'cancelled', reason = 'batch' WHERE status = 'queued' AND batch_id IS NOT NULL AND (stop_on_error = 1) AND EXISTS (SELECT 1 FROM executions b WHERE b.batch_id = executions.batch_id AND b.status IN ('error', 'cancelled', 'lost') AND (b.started_ms IS NOT NULL))",
        "params": []
      },
      {
        "sql": "UPDATE input_requests SET status = 'closed' WHERE status = 'pending' AND NOT EXISTS (SELECT 1 FROM executions e WHERE e.id = input_requests.execution_id AND e.status IN ('running', 'cancelling'))",
        "params": []
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "runtime_sessions": null,
      "executions": null,
      "input_requests": null
    }
  },
  "v1.RuntimeSessionStatusSet": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM runtime_sessions s WHERE s.session_id = :sessionId AND (s.status <> 'terminated') AND (s.store_session_id = :storeSessionId))",
      "params": [
        "sessionId",
        "storeSessionId"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE runtime_sessions SET resume_status = CASE WHEN status = 'unreachable' THEN :status END, status = CASE WHEN status = 'unreachable' THEN status ELSE :status END WHERE session_id = :sessionId",
        "params": [
          "status",
          "sessionId"
        ]
      },
      {
        "sql": "UPDATE executions SET session_id = (SELECT s.session_id FROM runtime_sessions s WHERE s.status <> 'terminated' AND s.status = 'ready') WHERE status = 'queued' AND session_id IS NULL AND EXISTS (SELECT 1 FROM runtime_sessions s WHERE s.status <> 'terminated' AND s.status = 'ready' AND (instr(s.capabilities, '\"' || executions.cell_type || '\"') > 0))",
        "params": []
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "runtime_sessions": null,
      "executions": null
    }
  },
  "v1.RuntimeSessionUnreachable": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM runtime_sessions s WHERE s.session_id = :sessionId AND (:clientId = 'server') AND (s.status NOT IN ('unreachable', 'terminated')))",
      "params": [
        "sessionId",
        "clientId"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE runtime_sessions SET resume_status = status, status = 'unreachable' WHERE session_id = :sessionId",
        "params": [
          "sessionId"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "runtime_sessions": null
    }
  },
  "v1.RuntimeSessionResumed": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM runtime_sessions s WHERE s.session_id = :sessionId AND (:clientId = 'server') AND (s.status = 'unreachable'))",
      "params": [
        "sessionId",
        "clientId"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE runtime_sessions SET status = coalesce(resume_status, status), resume_status = NULL WHERE session_id = :sessionId",
        "params": [
          "sessionId"
        ]
      },
      {
        "sql": "UPDATE executions SET session_id = (SELECT s.session_id FROM runtime_sessions s WHERE s.status <> 'terminated' AND s.status = 'ready') WHERE status = 'queued' AND session_id IS NULL AND EXISTS (SELECT 1 FROM runtime_sessions s WHERE s.status <> 'terminated' AND s.status = 'ready' AND (instr(s.capabilities, '\"' || executions.cell_type || '\"') > 0))",
        "params": []
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "runtime_sessions": null,
      "executions": null
    }
  },
  "v1.RuntimeSessionTerminated": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM runtime_sessions s WHERE s.session_id = :sessionId AND (s.status <> 'terminated') AND (CASE :reason WHEN 'evicted' THEN 1 WHEN 'lost' THEN :clientId = 'server' WHEN 'crashed' THEN :clientId IN ('server', s.client_id) ELSE :storeSessionId = s.store_session_id END))",
      "params": [
        "sessionId",
        "reason",
        "clientId",
        "storeSessionId"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE runtime_sessions SET status = 'terminated', ended_reason = :reason WHERE session_id = :sessionId",
        "params": [
          "reason",
          "sessionId"
        ]
      },
      {
        "sql": "UPDATE executions SET status = 'lost', reason = (SELECT s.ended_reason FROM runtime_sessions s WHERE s.session_id = executions.session_id) WHERE status IN ('running', 'cancelling') AND (SELECT s.status FROM runtime_sessions s WHERE s.session_id = executions.session_id) = 'terminated'",
        "params": []
      },
      {
        "sql": "UPDATE executions SET session_id = NULL WHERE status = 'queued' AND session_id IS NOT NULL AND (SELECT s.status FROM runtime_sessions s WHERE s.session_id = executions.session_id) = 'terminated'",
        "params": []
      },
      {
        "sql": "UPDATE executions SET status = 'cancelled', reason = 'batch' WHERE status = 'queued' AND batch_id IS NOT NULL AND (stop_on_error = 1) AND EXISTS (SELECT 1 FROM executions b WHERE b.batch_id = executions.batch_id AND b.status IN ('error', 'cancelled', 'lost') AND (b.started_ms IS NOT NULL))",
        "params": []
      },
      {
        "sql": "UPDATE input_requests SET status = 'closed' WHERE status = 'pending' AND NOT EXISTS (SELECT 1 FROM executions e WHERE e.id = input_requests.execution_id AND e.status IN ('running', 'cancelling'))",
        "params": []
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "runtime_sessions": null,
      "executions": null,
      "input_requests": null
    }
  },
  "v1.ExecutionRequested": {
    "guard": null,
    "statements": [
      {
        "sql": "INSERT INTO executions (id, ord, cell_id, cell_type, source, batch_id, stop_on_error, requested_by, requested_ms, status, reason) SELECT :executionId, (SELECT coalesce(max(ord), 0) + 1 FROM executions), :cellId, r.cell_type, :source, NULL, 0, :clientId, :requestedMs, CASE WHEN r.reason IS NULL THEN 'queued' ELSE 'cancelled' END, r.reason FROM (SELECT c.cell_type AS cell_type, CASE WHEN NOT (c.id IS NOT NULL) THEN 'no-cell' WHEN NOT (c.cell_type NOT IN ('markdown', 'raw')) THEN 'not-executable' WHEN NOT (NOT EXISTS (SELECT 1 FROM executions q WHERE q.status = 'queued' AND q.cell_id = :cellId)) THEN 'duplicate' WHEN 0 = 1 AND EXISTS (SELECT 1 FROM executions b WHERE b.batch_id = NULL AND b.status IN ('error', 'cancelled', 'lost') AND (b.started_ms IS NOT NULL)) THEN 'batch' END AS reason FROM (SELECT 1) LEFT JOIN cells c ON c.id = :cellId) r WHERE true ON CONFLICT (id) DO NOTHING",
        "params": [
          "executionId",
          "cellId",
          "source",
          "clientId",
          "requestedMs"
        ]
      },
      {
        "sql": "UPDATE executions SET session_id = (SELECT s.session_id FROM runtime_sessions s WHERE s.status <> 'terminated' AND s.status = 'ready') WHERE status = 'queued' AND session_id IS NULL AND EXISTS (SELECT 1 FROM runtime_sessions s WHERE s.status <> 'terminated' AND s.status = 'ready' AND (instr(s.capabilities, '\"' || executions.cell_type || '\"') > 0))",
        "params": []
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "executions": null
    }
  },
  "v1.ExecutionBatchRequested": {
    "guard": null,
    "statements": [
      {
        "sql": "INSERT INTO executions (id, ord, cell_id, cell_type, source, batch_id, stop_on_error, requested_by, requested_ms, status, reason) SELECT :executionId, (SELECT coalesce(max(ord), 0) + 1 FROM executions), :cellId, r.cell_type, :source, :batchId, :stopOnError, :clientId, :requestedMs, CASE WHEN r.reason IS NULL THEN 'queued' ELSE 'cancelled' END, r.reason FROM (SELECT c.cell_type AS cell_type, CASE WHEN NOT (c.id IS NOT NULL) THEN 'no-cell' WHEN NOT (c.cell_type NOT IN ('markdown', 'raw')) THEN 'not-executable' WHEN NOT (NOT EXISTS (SELECT 1 FROM executions q WHERE q.status = 'queued' AND q.cell_id = :cellId)) THEN 'duplicate' WHEN :stopOnError = 1 AND EXISTS (SELECT 1 FROM executions b WHERE b.batch_id = :batchId AND b.status IN ('error', 'cancelled', 'lost') AND (b.started_ms IS NOT NULL)) THEN 'batch' END AS reason FROM (SELECT 1) LEFT JOIN cells c ON c.id = :cellId) r WHERE true ON CONFLICT (id) DO NOTHING",
        "params": [
          "executionId",
          "cellId",
          "source",
          "batchId",
          "stopOnError",
          "clientId",
          "requestedMs"
        ]
      },
      {
        "sql": "UPDATE executions SET session_id = (SELECT s.session_id FROM runtime_sessions s WHERE s.status <> 'terminated' AND s.status = 'ready') WHERE status = 'queued' AND session_id IS NULL AND EXISTS (SELECT 1 FROM runtime_sessions s WHERE s.status <> 'terminated' AND s.status = 'ready' AND (instr(s.capabilities, '\"' || executions.cell_type || '\"') > 0))",
        "params": []
      }
    ],
    "rare": 0,
    "each": "items",
    "writes": {
      "executions": null
    }
  },
  "v1.ExecutionStarted": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM executions e JOIN runtime_sessions s ON s.session_id = :sessionId LEFT JOIN cells c ON c.id = e.cell_id WHERE e.id = :executionId AND (e.status = 'queued') AND (e.session_id = s.session_id) AND (s.store_session_id = :storeSessionId OR :clientId = 'server'))",
      "params": [
        "sessionId",
        "executionId",
        "storeSessionId",
        "clientId"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE executions SET status = 'running', execution_count = :executionCount, started_ms = :startedMs WHERE id = :executionId",
        "params": [
          "executionCount",
          "startedMs",
          "executionId"
        ]
      },
      {
        "sql": "DELETE FROM output_chunks WHERE output_id IN (SELECT id FROM outputs WHERE cell_id = (SELECT cell_id FROM executions WHERE id = :executionId))",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "DELETE FROM outputs WHERE cell_id = (SELECT cell_id FROM executions WHERE id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "DELETE FROM pending_clears WHERE cell_id = (SELECT cell_id FROM executions WHERE id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "UPDATE cells SET last_execution_id = :executionId WHERE id = (SELECT cell_id FROM executions WHERE id = :executionId)",
        "params": [
          "executionId"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "executions": null,
      "output_chunks": null,
      "outputs": null,
      "pending_clears": null,
      "cells": null
    }
  },
  "v1.ExecutionFinished": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM executions e JOIN runtime_sessions s ON s.session_id = :sessionId LEFT JOIN cells c ON c.id = e.cell_id WHERE e.id = :executionId AND (e.status IN ('running', 'cancelling')) AND (e.session_id = s.session_id) AND (s.store_session_id = :storeSessionId))",
      "params": [
        "sessionId",
        "executionId",
        "storeSessionId"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE executions SET status = CASE WHEN (status = 'running') THEN :status ELSE 'cancelled' END, error_name = :errorName, error_value = :errorValue, finished_ms = :finishedMs WHERE id = :executionId",
        "params": [
          "status",
          "errorName",
          "errorValue",
          "finishedMs",
          "executionId"
        ]
      },
      {
        "sql": "UPDATE executions SET status = 'cancelled', reason = 'batch' WHERE status = 'queued' AND batch_id IS NOT NULL AND (stop_on_error = 1) AND EXISTS (SELECT 1 FROM executions b WHERE b.batch_id = executions.batch_id AND b.status IN ('error', 'cancelled', 'lost') AND (b.started_ms IS NOT NULL))",
        "params": []
      },
      {
        "sql": "UPDATE input_requests SET status = 'closed' WHERE status = 'pending' AND NOT EXISTS (SELECT 1 FROM executions e WHERE e.id = input_requests.execution_id AND e.status IN ('running', 'cancelling'))",
        "params": []
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "executions": null,
      "input_requests": null
    }
  },
  "v1.ExecutionCancelRequested": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM executions WHERE status = 'queued' AND (id = :executionId OR :all = 1)) OR EXISTS (SELECT 1 FROM executions WHERE status IN ('running', 'cancelling') AND status = 'running' AND (id = :executionId OR :all = 1))",
      "params": [
        "executionId",
        "all"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE executions SET status = 'cancelled', reason = :reason WHERE status = 'queued' AND (id = :executionId OR :all = 1)",
        "params": [
          "reason",
          "executionId",
          "all"
        ]
      },
      {
        "sql": "UPDATE executions SET status = 'cancelling', reason = :reason WHERE status IN ('running', 'cancelling') AND status = 'running' AND (id = :executionId OR :all = 1)",
        "params": [
          "reason",
          "executionId",
          "all"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "executions": null
    }
  },
  "v1.StreamAppended": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM executions e JOIN runtime_sessions s ON s.session_id = :sessionId LEFT JOIN cells c ON c.id = e.cell_id WHERE e.id = :executionId AND (c.id IS NOT NULL) AND (e.session_id = s.session_id) AND (s.store_session_id = :storeSessionId) AND (e.status IN ('running', 'cancelling') OR ((s.status <> 'terminated') AND (c.last_execution_id = e.id)))) * (1 + EXISTS (SELECT 1 FROM pending_clears WHERE cell_id = (SELECT e.cell_id FROM executions e WHERE e.id = :executionId)))",
      "params": [
        "sessionId",
        "executionId",
        "storeSessionId"
      ]
    },
    "statements": [
      {
        "sql": "DELETE FROM output_chunks WHERE output_id IN (SELECT o.id FROM executions e JOIN pending_clears p ON p.cell_id = e.cell_id JOIN outputs o ON o.cell_id = e.cell_id WHERE e.id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "DELETE FROM outputs WHERE cell_id = (SELECT p.cell_id FROM executions e JOIN pending_clears p ON p.cell_id = e.cell_id WHERE e.id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "DELETE FROM pending_clears WHERE cell_id = (SELECT cell_id FROM executions WHERE id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "INSERT INTO outputs (id, ord, cell_id, execution_id, kind, stream) VALUES (:outputId, (SELECT coalesce(max(ord), 0) + 1 FROM outputs), (SELECT e.cell_id FROM executions e WHERE e.id = :executionId), :executionId, 'stream', :stream) ON CONFLICT (id) DO NOTHING",
        "params": [
          "outputId",
          "executionId",
          "stream"
        ]
      },
      {
        "sql": "INSERT INTO output_chunks (output_id, n, text) VALUES (:outputId, :n, :text) ON CONFLICT (output_id, n) DO NOTHING",
        "params": [
          "outputId",
          "n",
          "text"
        ]
      }
    ],
    "rare": 3,
    "each": null,
    "writes": {
      "output_chunks": "outputId",
      "outputs": "executionId",
      "pending_clears": null
    }
  },
  "v1.DisplayAdded": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM executions e JOIN runtime_sessions s ON s.session_id = :sessionId LEFT JOIN cells c ON c.id = e.cell_id WHERE e.id = :executionId AND (c.id IS NOT NULL) AND (e.session_id = s.session_id) AND (s.store_session_id = :storeSessionId) AND (e.status IN ('running', 'cancelling') OR ((s.status <> 'terminated') AND (c.last_execution_id = e.id)))) * (1 + EXISTS (SELECT 1 FROM pending_clears WHERE cell_id = (SELECT e.cell_id FROM executions e WHERE e.id = :executionId)))",
      "params": [
        "sessionId",
        "executionId",
        "storeSessionId"
      ]
    },
    "statements": [
      {
        "sql": "DELETE FROM output_chunks WHERE output_id IN (SELECT o.id FROM executions e JOIN pending_clears p ON p.cell_id = e.cell_id JOIN outputs o ON o.cell_id = e.cell_id WHERE e.id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "DELETE FROM outputs WHERE cell_id = (SELECT p.cell_id FROM executions e JOIN pending_clears p ON p.cell_id = e.cell_id WHERE e.id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "DELETE FROM pending_clears WHERE cell_id = (SELECT cell_id FROM executions WHERE id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "UPDATE outputs SET bundle = :bundle, metadata = :metadata WHERE display_id = :displayId",
        "params": [
          "bundle",
          "metadata",
          "displayId"
        ]
      },
      {
        "sql": "INSERT INTO outputs (id, ord, cell_id, execution_id, kind, display_id, bundle, metadata) VALUES (:outputId, (SELECT coalesce(max(ord), 0) + 1 FROM outputs), (SELECT e.cell_id FROM executions e WHERE e.id = :executionId), :executionId, 'display', :displayId, :bundle, :metadata) ON CONFLICT (id) DO NOTHING",
        "params": [
          "outputId",
          "executionId",
          "displayId",
          "bundle",
          "metadata"
        ]
      }
    ],
    "rare": 3,
    "each": null,
    "writes": {
      "output_chunks": null,
      "outputs": null,
      "pending_clears": null
    }
  },
  "v1.DisplayUpdated": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM executions e JOIN runtime_sessions s ON s.session_id = :sessionId LEFT JOIN cells c ON c.id = e.cell_id WHERE e.id = :executionId AND (c.id IS NOT NULL) AND (e.session_id = s.session_id) AND (s.store_session_id = :storeSessionId) AND (e.status IN ('running', 'cancelling') OR ((s.status <> 'terminated') AND (c.last_execution_id = e.id))))",
      "params": [
        "sessionId",
        "executionId",
        "storeSessionId"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE outputs SET bundle = :bundle, metadata = :metadata WHERE display_id = :displayId",
        "params": [
          "bundle",
          "metadata",
          "displayId"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "outputs": null
    }
  },
  "v1.ResultAdded": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM executions e JOIN runtime_sessions s ON s.session_id = :sessionId LEFT JOIN cells c ON c.id = e.cell_id WHERE e.id = :executionId AND (c.id IS NOT NULL) AND (e.session_id = s.session_id) AND (s.store_session_id = :storeSessionId) AND (e.status IN ('running', 'cancelling') OR ((s.status <> 'terminated') AND (c.last_execution_id = e.id)))) * (1 + EXISTS (SELECT 1 FROM pending_clears WHERE cell_id = (SELECT e.cell_id FROM executions e WHERE e.id = :executionId)))",
      "params": [
        "sessionId",
        "executionId",
        "storeSessionId"
      ]
    },
    "statements": [
      {
        "sql": "DELETE FROM output_chunks WHERE output_id IN (SELECT o.id FROM executions e JOIN pending_clears p ON p.cell_id = e.cell_id JOIN outputs o ON o.cell_id = e.cell_id WHERE e.id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "DELETE FROM outputs WHERE cell_id = (SELECT p.cell_id FROM executions e JOIN pending_clears p ON p.cell_id = e.cell_id WHERE e.id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "DELETE FROM pending_clears WHERE cell_id = (SELECT cell_id FROM executions WHERE id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "INSERT INTO outputs (id, ord, cell_id, execution_id, kind, execution_count, bundle, metadata) VALUES (:outputId, (SELECT coalesce(max(ord), 0) + 1 FROM outputs), (SELECT e.cell_id FROM executions e WHERE e.id = :executionId), :executionId, 'result', :executionCount, :bundle, :metadata) ON CONFLICT (id) DO NOTHING",
        "params": [
          "outputId",
          "executionId",
          "executionCount",
          "bundle",
          "metadata"
        ]
      }
    ],
    "rare": 3,
    "each": null,
    "writes": {
      "output_chunks": null,
      "outputs": "executionId",
      "pending_clears": null
    }
  },
  "v1.ErrorAdded": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM executions e JOIN runtime_sessions s ON s.session_id = :sessionId LEFT JOIN cells c ON c.id = e.cell_id WHERE e.id = :executionId AND (c.id IS NOT NULL) AND (e.session_id = s.session_id) AND (s.store_session_id = :storeSessionId) AND (e.status IN ('running', 'cancelling') OR ((s.status <> 'terminated') AND (c.last_execution_id = e.id)))) * (1 + EXISTS (SELECT 1 FROM pending_clears WHERE cell_id = (SELECT e.cell_id FROM executions e WHERE e.id = :executionId)))",
      "params": [
        "sessionId",
        "executionId",
        "storeSessionId"
      ]
    },
    "statements": [
      {
        "sql": "DELETE FROM output_chunks WHERE output_id IN (SELECT o.id FROM executions e JOIN pending_clears p ON p.cell_id = e.cell_id JOIN outputs o ON o.cell_id = e.cell_id WHERE e.id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "DELETE FROM outputs WHERE cell_id = (SELECT p.cell_id FROM executions e JOIN pending_clears p ON p.cell_id = e.cell_id WHERE e.id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "DELETE FROM pending_clears WHERE cell_id = (SELECT cell_id FROM executions WHERE id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "INSERT INTO outputs (id, ord, cell_id, execution_id, kind, error_name, error_value, traceback) VALUES (:outputId, (SELECT coalesce(max(ord), 0) + 1 FROM outputs), (SELECT e.cell_id FROM executions e WHERE e.id = :executionId), :executionId, 'error', :name, :value, :traceback) ON CONFLICT (id) DO NOTHING",
        "params": [
          "outputId",
          "executionId",
          "name",
          "value",
          "traceback"
        ]
      }
    ],
    "rare": 3,
    "each": null,
    "writes": {
      "output_chunks": null,
      "outputs": "executionId",
      "pending_clears": null
    }
  },
  "v1.MarkdownAppended": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM executions e JOIN runtime_sessions s ON s.session_id = :sessionId LEFT JOIN cells c ON c.id = e.cell_id WHERE e.id = :executionId AND (c.id IS NOT NULL) AND (e.session_id = s.session_id) AND (s.store_session_id = :storeSessionId) AND (e.status IN ('running', 'cancelling') OR ((s.status <> 'terminated') AND (c.last_execution_id = e.id)))) * (1 + EXISTS (SELECT 1 FROM pending_clears WHERE cell_id = (SELECT e.cell_id FROM executions e WHERE e.id = :executionId)))",
      "params": [
        "sessionId",
        "executionId",
        "storeSessionId"
      ]
    },
    "statements": [
      {
        "sql": "DELETE FROM output_chunks WHERE output_id IN (SELECT o.id FROM executions e JOIN pending_clears p ON p.cell_id = e.cell_id JOIN outputs o ON o.cell_id = e.cell_id WHERE e.id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "DELETE FROM outputs WHERE cell_id = (SELECT p.cell_id FROM executions e JOIN pending_clears p ON p.cell_id = e.cell_id WHERE e.id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "DELETE FROM pending_clears WHERE cell_id = (SELECT cell_id FROM executions WHERE id = :executionId)",
        "params": [
          "executionId"
        ]
      },
      {
        "sql": "INSERT INTO outputs (id, ord, cell_id, execution_id, kind) VALUES (:outputId, (SELECT coalesce(max(ord), 0) + 1 FROM outputs), (SELECT e.cell_id FROM executions e WHERE e.id = :executionId), :executionId, 'markdown') ON CONFLICT (id) DO NOTHING",
        "params": [
          "outputId",
          "executionId"
        ]
      },
      {
        "sql": "INSERT INTO output_chunks (output_id, n, text) VALUES (:outputId, :n, :text) ON CONFLICT (output_id, n) DO NOTHING",
        "params": [
          "outputId",
          "n",
          "text"
        ]
      }
    ],
    "rare": 3,
    "each": null,
    "writes": {
      "output_chunks": "outputId",
      "outputs": "executionId",
      "pending_clears": null
    }
  },
  "v1.OutputsCleared": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM executions e JOIN runtime_sessions s ON s.session_id = :sessionId LEFT JOIN cells c ON c.id = e.cell_id WHERE e.id = :executionId AND (c.id IS NOT NULL) AND (e.session_id = s.session_id) AND (s.store_session_id = :storeSessionId) AND (e.status IN ('running', 'cancelling') OR ((s.status <> 'terminated') AND (c.last_execution_id = e.id))))",
      "params": [
        "sessionId",
        "executionId",
        "storeSessionId"
      ]
    },
    "statements": [
      {
        "sql": "DELETE FROM output_chunks WHERE output_id IN (SELECT id FROM outputs WHERE cell_id = (SELECT cell_id FROM executions WHERE id = :executionId)) AND :wait = 0",
        "params": [
          "executionId",
          "wait"
        ]
      },
      {
        "sql": "DELETE FROM outputs WHERE cell_id = (SELECT cell_id FROM executions WHERE id = :executionId) AND :wait = 0",
        "params": [
          "executionId",
          "wait"
        ]
      },
      {
        "sql": "DELETE FROM pending_clears WHERE cell_id = (SELECT cell_id FROM executions WHERE id = :executionId) AND :wait = 0",
        "params": [
          "executionId",
          "wait"
        ]
      },
      {
        "sql": "INSERT INTO pending_clears (cell_id) SELECT (SELECT cell_id FROM executions WHERE id = :executionId) WHERE :wait = 1 ON CONFLICT (cell_id) DO NOTHING",
        "params": [
          "executionId",
          "wait"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "output_chunks": null,
      "outputs": null,
      "pending_clears": null
    }
  },
  "v1.CellOutputsCleared": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM cells WHERE (id = :cellId))",
      "params": [
        "cellId"
      ]
    },
    "statements": [
      {
        "sql": "DELETE FROM output_chunks WHERE output_id IN (SELECT id FROM outputs WHERE cell_id = :cellId)",
        "params": [
          "cellId"
        ]
      },
      {
        "sql": "DELETE FROM outputs WHERE cell_id = :cellId",
        "params": [
          "cellId"
        ]
      },
      {
        "sql": "DELETE FROM pending_clears WHERE cell_id = :cellId",
        "params": [
          "cellId"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "output_chunks": null,
      "outputs": null,
      "pending_clears": null
    }
  },
  "v1.InputRequested": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM executions e JOIN runtime_sessions s ON s.session_id = :sessionId LEFT JOIN cells c ON c.id = e.cell_id WHERE e.id = :executionId AND (e.status IN ('running', 'cancelling')) AND (e.session_id = s.session_id) AND (s.store_session_id = :storeSessionId))",
      "params": [
        "sessionId",
        "executionId",
        "storeSessionId"
      ]
    },
    "statements": [
      {
        "sql": "INSERT INTO input_requests (id, execution_id, prompt, password, status) VALUES (:requestId, :executionId, :prompt, :password, 'pending') ON CONFLICT (id) DO NOTHING",
        "params": [
          "requestId",
          "executionId",
          "prompt",
          "password"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "input_requests": null
    }
  },
  "v1.InputReplied": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM input_requests r WHERE r.id = :requestId AND (r.status = 'pending') AND (r.password = 0 OR :value IS NULL))",
      "params": [
        "requestId",
        "value"
      ]
    },
    "statements": [
      {
        "sql": "UPDATE input_requests SET status = 'answered', value = :value WHERE id = :requestId",
        "params": [
          "value",
          "requestId"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "input_requests": null
    }
  },
  "v1.ActorSet": {
    "guard": null,
    "statements": [
      {
        "sql": "INSERT INTO actors (id, kind, name, avatar) VALUES (:actorId, :kind, :name, :avatar) ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name = excluded.name, avatar = excluded.avatar",
        "params": [
          "actorId",
          "kind",
          "name",
          "avatar"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "actors": null
    }
  },
  "v1.FilePut": {
    "guard": null,
    "statements": [
      {
        "sql": "INSERT INTO files (path, sha256, mime_type, size_bytes, created_by, created_ms) VALUES (:path, :sha256, :mimeType, :sizeBytes, :clientId, :createdMs) ON CONFLICT (path) DO UPDATE SET sha256 = excluded.sha256, mime_type = excluded.mime_type, size_bytes = excluded.size_bytes, created_by = excluded.created_by, created_ms = excluded.created_ms",
        "params": [
          "path",
          "sha256",
          "mimeType",
          "sizeBytes",
          "clientId",
          "createdMs"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "files": null
    }
  },
  "v1.FileDeleted": {
    "guard": {
      "sql": "SELECT EXISTS (SELECT 1 FROM files WHERE path = :path)",
      "params": [
        "path"
      ]
    },
    "statements": [
      {
        "sql": "DELETE FROM files WHERE path = :path",
        "params": [
          "path"
        ]
      }
    ],
    "rare": 0,
    "each": null,
    "writes": {
      "files": null
    }
  }
};

/** The query catalogue. */
export const queries = {
  metadata: {"name": "metadata", "sql": "SELECT key, value FROM notebook ORDER BY key", "params": [], "columns": ["key", "value"], "reads": {"notebook": null}} as Query<MetadataRow, NoParams>,
  cells: {"name": "cells", "sql": "SELECT id, cell_type, source, position, source_visible, output_visible, ai_context_visible, metadata, attachments, created_by, last_execution_id FROM cells ORDER BY position, id", "params": [], "columns": ["id", "cellType", "source", "position", "sourceVisible", "outputVisible", "aiContextVisible", "metadata", "attachments", "createdBy", "lastExecutionId"], "reads": {"cells": null}} as Query<CellRow, NoParams>,
  cell: {"name": "cell", "sql": "SELECT id, cell_type, source, position, source_visible, output_visible, ai_context_visible, metadata, attachments, created_by, last_execution_id FROM cells WHERE id = :cellId", "params": ["cellId"], "columns": ["id", "cellType", "source", "position", "sourceVisible", "outputVisible", "aiContextVisible", "metadata", "attachments", "createdBy", "lastExecutionId"], "reads": {"cells": "cellId"}} as Query<CellRow, { readonly cellId: string }>,
  activeSession: {"name": "activeSession", "sql": "SELECT session_id, ord, store_session_id, runtime_id, runtime_type, client_id, status, resume_status, lost_after_ms, capabilities, info, started_ms, ended_reason FROM runtime_sessions WHERE status <> 'terminated'", "params": [], "columns": ["sessionId", "ord", "storeSessionId", "runtimeId", "runtimeType", "clientId", "status", "resumeStatus", "lostAfterMs", "capabilities", "info", "startedMs", "endedReason"], "reads": {"runtime_sessions": null}} as Query<RuntimeSessionRow, NoParams>,
  latestSession: {"name": "latestSession", "sql": "SELECT session_id, ord, store_session_id, runtime_id, runtime_type, client_id, status, resume_status, lost_after_ms, capabilities, info, started_ms, ended_reason FROM runtime_sessions ORDER BY ord DESC LIMIT 1", "params": [], "columns": ["sessionId", "ord", "storeSessionId", "runtimeId", "runtimeType", "clientId", "status", "resumeStatus", "lostAfterMs", "capabilities", "info", "startedMs", "endedReason"], "reads": {"runtime_sessions": null}} as Query<RuntimeSessionRow, NoParams>,
  session: {"name": "session", "sql": "SELECT session_id, ord, store_session_id, runtime_id, runtime_type, client_id, status, resume_status, lost_after_ms, capabilities, info, started_ms, ended_reason FROM runtime_sessions WHERE session_id = :sessionId", "params": ["sessionId"], "columns": ["sessionId", "ord", "storeSessionId", "runtimeId", "runtimeType", "clientId", "status", "resumeStatus", "lostAfterMs", "capabilities", "info", "startedMs", "endedReason"], "reads": {"runtime_sessions": null}} as Query<RuntimeSessionRow, { readonly sessionId: string }>,
  sessionWork: {"name": "sessionWork", "sql": "SELECT id, ord, cell_id, cell_type, source, batch_id, stop_on_error, requested_by, requested_ms, status, session_id, execution_count, started_ms, finished_ms, error_name, error_value, reason FROM executions WHERE id IN (SELECT id FROM executions WHERE session_id = :sessionId AND status IN ('running', 'cancelling') UNION ALL SELECT id FROM (SELECT id FROM executions WHERE session_id = :sessionId AND status = 'queued' ORDER BY +ord LIMIT 2)) ORDER BY +ord", "params": ["sessionId"], "columns": ["id", "ord", "cellId", "cellType", "source", "batchId", "stopOnError", "requestedBy", "requestedMs", "status", "sessionId", "executionCount", "startedMs", "finishedMs", "errorName", "errorValue", "reason"], "reads": {"executions": null}} as Query<ExecutionRow, { readonly sessionId: string }>,
  openExecutions: {"name": "openExecutions", "sql": "SELECT id, ord, cell_id, cell_type, source, batch_id, stop_on_error, requested_by, requested_ms, status, session_id, execution_count, started_ms, finished_ms, error_name, error_value, reason FROM executions WHERE id IN (SELECT id FROM executions WHERE status = 'queued' UNION ALL SELECT id FROM executions WHERE status IN ('running', 'cancelling')) ORDER BY +ord", "params": [], "columns": ["id", "ord", "cellId", "cellType", "source", "batchId", "stopOnError", "requestedBy", "requestedMs", "status", "sessionId", "executionCount", "startedMs", "finishedMs", "errorName", "errorValue", "reason"], "reads": {"executions": null}} as Query<ExecutionRow, NoParams>,
  queue: {"name": "queue", "sql": "SELECT id, status FROM executions WHERE id IN (SELECT id FROM executions WHERE status = 'queued' UNION ALL SELECT id FROM executions WHERE status IN ('running', 'cancelling')) ORDER BY +ord", "params": [], "columns": ["id", "status"], "reads": {"executions": null}} as Query<QueueRow, NoParams>,
  execution: {"name": "execution", "sql": "SELECT id, ord, cell_id, cell_type, source, batch_id, stop_on_error, requested_by, requested_ms, status, session_id, execution_count, started_ms, finished_ms, error_name, error_value, reason FROM executions WHERE id = :executionId", "params": ["executionId"], "columns": ["id", "ord", "cellId", "cellType", "source", "batchId", "stopOnError", "requestedBy", "requestedMs", "status", "sessionId", "executionCount", "startedMs", "finishedMs", "errorName", "errorValue", "reason"], "reads": {"executions": null}} as Query<ExecutionRow, { readonly executionId: string }>,
  executions: {"name": "executions", "sql": "SELECT id, ord, cell_id, cell_type, source, batch_id, stop_on_error, requested_by, requested_ms, status, session_id, execution_count, started_ms, finished_ms, error_name, error_value, reason FROM executions ORDER BY ord", "params": [], "columns": ["id", "ord", "cellId", "cellType", "source", "batchId", "stopOnError", "requestedBy", "requestedMs", "status", "sessionId", "executionCount", "startedMs", "finishedMs", "errorName", "errorValue", "reason"], "reads": {"executions": null}} as Query<ExecutionRow, NoParams>,
  latestExecution: {"name": "latestExecution", "sql": "SELECT id, ord, cell_id, cell_type, source, batch_id, stop_on_error, requested_by, requested_ms, status, session_id, execution_count, started_ms, finished_ms, error_name, error_value, reason FROM executions WHERE id = coalesce((SELECT id FROM executions WHERE cell_id = :cellId AND reason IS NOT 'duplicate' ORDER BY ord DESC LIMIT 1), (SELECT id FROM executions WHERE cell_id = :cellId ORDER BY ord DESC LIMIT 1))", "params": ["cellId"], "columns": ["id", "ord", "cellId", "cellType", "source", "batchId", "stopOnError", "requestedBy", "requestedMs", "status", "sessionId", "executionCount", "startedMs", "finishedMs", "errorName", "errorValue", "reason"], "reads": {"executions": null}} as Query<ExecutionRow, { readonly cellId: string }>,
  outputs: {"name": "outputs", "sql": "SELECT id, ord, cell_id, execution_id, kind, stream, display_id, execution_count, bundle, metadata, error_name, error_value, traceback FROM outputs WHERE execution_id = :executionId ORDER BY ord", "params": ["executionId"], "columns": ["id", "ord", "cellId", "executionId", "kind", "stream", "displayId", "executionCount", "bundle", "metadata", "errorName", "errorValue", "traceback"], "reads": {"outputs": "executionId"}} as Query<OutputRow, { readonly executionId: string }>,
  allOutputs: {"name": "allOutputs", "sql": "SELECT id, ord, cell_id, execution_id, kind, stream, display_id, execution_count, bundle, metadata, error_name, error_value, traceback FROM outputs ORDER BY ord", "params": [], "columns": ["id", "ord", "cellId", "executionId", "kind", "stream", "displayId", "executionCount", "bundle", "metadata", "errorName", "errorValue", "traceback"], "reads": {"outputs": null}} as Query<OutputRow, NoParams>,
  chunks: {"name": "chunks", "sql": "SELECT output_id, n, text FROM output_chunks WHERE output_id = :outputId AND n > :after ORDER BY n", "params": ["outputId", "after"], "columns": ["outputId", "n", "text"], "reads": {"output_chunks": "outputId"}} as Query<ChunkRow, { readonly outputId: string; readonly after: number }>,
  allChunks: {"name": "allChunks", "sql": "SELECT output_id, n, text FROM output_chunks ORDER BY output_id, n", "params": [], "columns": ["outputId", "n", "text"], "reads": {"output_chunks": null}} as Query<ChunkRow, NoParams>,
  pendingInputs: {"name": "pendingInputs", "sql": "SELECT id, execution_id, prompt, password, status, value FROM input_requests WHERE status = 'pending' ORDER BY +id", "params": [], "columns": ["id", "executionId", "prompt", "password", "status", "value"], "reads": {"input_requests": null}} as Query<InputRequestRow, NoParams>,
  inputRequest: {"name": "inputRequest", "sql": "SELECT id, execution_id, prompt, password, status, value FROM input_requests WHERE id = :requestId", "params": ["requestId"], "columns": ["id", "executionId", "prompt", "password", "status", "value"], "reads": {"input_requests": null}} as Query<InputRequestRow, { readonly requestId: string }>,
  actors: {"name": "actors", "sql": "SELECT id, kind, name, avatar FROM actors ORDER BY id", "params": [], "columns": ["id", "kind", "name", "avatar"], "reads": {"actors": null}} as Query<ActorRow, NoParams>,
  files: {"name": "files", "sql": "SELECT path, sha256, mime_type, size_bytes, created_by, created_ms FROM files ORDER BY path", "params": [], "columns": ["path", "sha256", "mimeType", "sizeBytes", "createdBy", "createdMs"], "reads": {"files": null}} as Query<FileRow, NoParams>,
} as const;

/** Equal hashes may exchange images of the state. */
export const SCHEMA_HASH = "76ad625ad8ed6cf4";

/** Equal hashes derive equal states from a log. */
export const RULES_HASH = "25134e487f46aaf3";

/** WebSocket subprotocol. */
export const SUBPROTOCOL = "runt-sync.v1";

/** What a store id looks like, whole. */
export const STORE_ID_PATTERN = "[A-Za-z0-9_-]{1,64}";

/** What every other id looks like, whole. */
export const ID_PATTERN = "[A-Za-z0-9_-]{1,64}";

/** The `clientId` of an authority's own events. */
export const SERVER_CLIENT_ID = "server";

/** Largest representation kept inside an event. */
export const INLINE_LIMIT_BYTES = 32768;

/** Integers lie within plus or minus this. */
export const MAX_INTEGER = 9007199254740991;

/** JSON text nests no deeper. */
export const MAX_DEPTH = 64;

/** The WebSocket close code after each `bye`. */
export const CLOSE_CODES: Readonly<Record<ByeCode, number>> = {
  "bad-frame": 4400,
  "unauthorized": 4401,
  "not-found": 4404,
  "timeout": 4408,
  "slow-consumer": 4408,
  "ahead": 4409,
  "too-many": 4429,
  "shutdown": 1001
};

/** Limits where no backend has told others. */
export const DEFAULT_LIMITS: Limits = {
  "eventBytes": 262144,
  "batchEvents": 1000,
  "batchBytes": 1048576,
  "frameBytes": 1114112,
  "liveBytes": 65536,
  "eventsPerS": 50000,
  "connectionsPerUser": 200,
  "sendQueueBytes": 1048576,
  "helloTimeoutMs": 5000,
  "pingIntervalMs": 10000,
  "leaseMs": 30000
};
