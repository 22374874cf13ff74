"""The state: tables and indexes that every replica derives from the log, as SQL text.

STRICT tables with NOT NULL keys; times are integer milliseconds; flags are 0 or 1; JSON is TEXT as it came. `ord`
orders rows of a table by their arrival in the log.
"""

TABLES: dict[str, str] = {
    "notebook": """
CREATE TABLE notebook (
  key TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID""",
    "cells": """
CREATE TABLE cells (
  id TEXT NOT NULL PRIMARY KEY,
  cell_type TEXT NOT NULL,
  source TEXT NOT NULL,
  position TEXT NOT NULL,
  source_visible INTEGER NOT NULL DEFAULT 1,
  output_visible INTEGER NOT NULL DEFAULT 1,
  ai_context_visible INTEGER NOT NULL DEFAULT 1,
  metadata TEXT NOT NULL,
  attachments TEXT,
  created_by TEXT NOT NULL,
  last_execution_id TEXT
) STRICT""",
    "runtime_sessions": """
CREATE TABLE runtime_sessions (
  session_id TEXT NOT NULL PRIMARY KEY,
  ord INTEGER NOT NULL,
  store_session_id TEXT NOT NULL,
  runtime_id TEXT NOT NULL,
  runtime_type TEXT NOT NULL,
  client_id TEXT NOT NULL,
  status TEXT NOT NULL,
  resume_status TEXT,
  lost_after_ms INTEGER NOT NULL,
  capabilities TEXT NOT NULL,
  info TEXT NOT NULL,
  started_ms INTEGER NOT NULL,
  ended_reason TEXT
) STRICT""",
    "executions": """
CREATE TABLE executions (
  id TEXT NOT NULL PRIMARY KEY,
  ord INTEGER NOT NULL,
  cell_id TEXT NOT NULL,
  cell_type TEXT,
  source TEXT NOT NULL,
  batch_id TEXT,
  stop_on_error INTEGER NOT NULL DEFAULT 0,
  requested_by TEXT NOT NULL,
  requested_ms INTEGER NOT NULL,
  status TEXT NOT NULL,
  session_id TEXT,
  execution_count INTEGER,
  started_ms INTEGER,
  finished_ms INTEGER,
  error_name TEXT,
  error_value TEXT,
  reason TEXT
) STRICT""",
    "outputs": """
CREATE TABLE outputs (
  id TEXT NOT NULL PRIMARY KEY,
  ord INTEGER NOT NULL,
  cell_id TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  stream TEXT,
  display_id TEXT,
  execution_count INTEGER,
  bundle TEXT,
  metadata TEXT,
  error_name TEXT,
  error_value TEXT,
  traceback TEXT
) STRICT""",
    "output_chunks": """
CREATE TABLE output_chunks (
  output_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (output_id, n)
) STRICT, WITHOUT ROWID""",
    "pending_clears": """
CREATE TABLE pending_clears (
  cell_id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID""",
    "input_requests": """
CREATE TABLE input_requests (
  id TEXT NOT NULL PRIMARY KEY,
  execution_id TEXT NOT NULL,
  prompt TEXT NOT NULL,
  password INTEGER NOT NULL,
  status TEXT NOT NULL,
  value TEXT
) STRICT""",
    "actors": """
CREATE TABLE actors (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  avatar TEXT
) STRICT""",
    "files": """
CREATE TABLE files (
  path TEXT NOT NULL PRIMARY KEY,
  sha256 TEXT NOT NULL,
  mime_type TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT""",
}
"""DDL by table name, in creation order."""

INDEXES: tuple[str, ...] = (
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
    "CREATE INDEX inputs_pending ON input_requests (execution_id) WHERE status = 'pending'",
)
"""An index for every query and statement that would otherwise scan."""

DDL: tuple[str, ...] = tuple(statement.strip() for statement in (*TABLES.values(), *INDEXES))
"""Every statement that makes an empty state, in order."""
