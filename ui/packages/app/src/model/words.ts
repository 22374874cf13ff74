// What states are called in front of people: one place for the words of executions, runtimes and connections. Pure.
import { terminalLines } from "./terminal";

/** What of an execution decides its words. */
export interface ExecutionFacts {
  readonly status: string;
  readonly reason: string | null;
  readonly executionCount: number | null;
  readonly startedMs: number | null;
  readonly finishedMs: number | null;
}

/** What of a runtime session decides its words. */
export interface SessionFacts {
  readonly status: string;
  readonly endedReason: string | null;
}

export type Tone = "idle" | "busy" | "good" | "bad" | "warn";

const LOST: Readonly<Record<string, string>> = {
  shutdown: "The runtime was stopped while this ran.",
  displaced: "Another runtime took over while this ran.",
  lost: "The runtime was out of reach for too long while this ran.",
  crashed: "The runtime stopped while this ran.",
  restart: "The runtime was restarted while this ran.",
  evicted: "The runtime was removed while this ran.",
};

const CANCELLED: Readonly<Record<string, string>> = {
  batch: "Not run: a cell before it in this run failed or was stopped.",
  duplicate: "Not run: the cell was waiting already.",
  "cell-deleted": "Stopped: the cell was deleted.",
  "no-cell": "Not run: the cell was gone.",
  "not-executable": "Not run: only code cells run.",
};

/** Say why an execution ended without its result, or null when there is nothing to say. */
export function endedInWords(execution: ExecutionFacts): string | null {
  if (execution.status === "lost") return LOST[execution.reason ?? ""] ?? "The runtime stopped while this ran.";
  if (execution.status !== "cancelled") return null;
  return CANCELLED[execution.reason ?? ""] ?? (execution.startedMs === null ? "Stopped before it ran." : "Stopped.");
}

/** Say where in the cell a traceback, in IPython's format, was interrupted. */
export function interruptedInWords(traceback: string): string {
  const text = terminalLines(traceback)
    .map((line) => line.runs.map((run) => run.text).join(""))
    .join("\n");
  const line = /^Cell In ?\[\d+\], line (\d+)/m.exec(text)?.[1];
  return line === undefined ? "Interrupted" : `Interrupted at line ${line}`;
}

/** What the store says while the server cannot be reached. */
const OUT_OF_REACH = "no connection to the server; trying again";

/** Say what stands between this page and the server, and what becomes of changes. `pending` counts those not yet sent. */
export function connectionInWords(problem: string | null, pending: number): string {
  if (problem !== null && problem !== OUT_OF_REACH) return `${capitalised(problem)}${/[.!?]$/.test(problem) ? "" : "."}`;
  const changes = pending === 0 ? "changes are" : pending === 1 ? "1 change is" : `${pending.toLocaleString("en")} changes are`;
  return `The server does not answer: ${changes} kept in this page and sent when it is back.`;
}

/** Start a sentence. */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Say what a queued execution waits for. */
export function waitsFor(session: SessionFacts | null, ahead: number): string {
  if (session === null || session.status === "terminated") return "waiting for a runtime";
  if (session.status === "starting") return "waiting for the runtime to start";
  if (session.status === "restarting") return "waiting for the runtime to restart";
  if (session.status === "unreachable") return "waiting for the runtime, which is out of reach";
  return ahead === 0 ? "next" : `waiting for ${ahead} ${ahead === 1 ? "cell" : "cells"}`;
}

/** Name the runtime's state. `busy` counts what runs. */
export function runtimeInWords(session: SessionFacts | null, busy: boolean): { readonly text: string; readonly tone: Tone } {
  if (session === null) return { text: "No runtime", tone: "idle" };
  switch (session.status) {
    case "starting":
      return { text: "Starting", tone: "busy" };
    case "restarting":
      return { text: "Restarting", tone: "busy" };
    case "unreachable":
      return { text: "Out of reach", tone: "warn" };
    case "ready":
      return busy ? { text: "Busy", tone: "busy" } : { text: "Ready", tone: "good" };
    default:
      return session.endedReason === "crashed" || session.endedReason === "lost"
        ? { text: "Runtime stopped", tone: "bad" }
        : { text: "No runtime", tone: "idle" };
  }
}

/** Say why there is no runtime now. */
export function endOfSessionInWords(reason: string | null): string {
  const words: Readonly<Record<string, string>> = {
    shutdown: "The runtime was stopped.",
    displaced: "Another runtime took over.",
    refused: "A runtime tried to start while another was active.",
    lost: "The runtime was out of reach for too long.",
    crashed: "The runtime stopped unexpectedly.",
    restart: "The runtime was restarted.",
    evicted: "The runtime was removed.",
  };
  return words[reason ?? ""] ?? "No runtime has been started for this notebook.";
}

/** Write a duration: `42 ms`, `1.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`. A number and its unit stay on one line. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(seconds * 1000)}\u00a0ms`;
  if (seconds < 10) return `${seconds.toFixed(1)}\u00a0s`;
  if (seconds < 60) return `${Math.floor(seconds)}\u00a0s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}\u00a0min ${String(Math.floor(seconds % 60)).padStart(2, "0")}\u00a0s`;
  return `${Math.floor(seconds / 3600)}\u00a0h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")}\u00a0min`;
}
