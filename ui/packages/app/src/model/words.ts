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

/** What of the runtime in this tab decides its words; null stands for a page that has none. */
export interface BrowserFacts {
  readonly status: "off" | "loading" | "starting" | "ready" | "restarting" | "stopping" | "failed";
  /** `fraction` runs from 0 to 1. */
  readonly progress: { readonly text: string; readonly fraction: number | null } | null;
}

export type RuntimeKind = "python" | "html" | "echo";

interface KindWords {
  readonly label: string;
  /** What a runtime of this kind in this tab does. */
  readonly line: string;
}

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
  const line = /^ *Cell In ?\[\d+\], line (\d+)/m.exec(text)?.[1];
  return line === undefined ? "Interrupted" : `Interrupted at line ${line}`;
}

/** What the store says while the server cannot be reached. */
/** What a store says of a server that does not answer. */
export const OUT_OF_REACH = "no connection to the server; trying again";

export const NEVER_OPENED =
  "The server does not answer, and this notebook was not opened in this browser before. It opens here as soon as the server answers; from then on it opens without the server, too.";

/**
 * Say what stands between this page and the server, and what becomes of changes.
 *
 * @param pending - how many are not yet sent
 * @param where - what keeps them until then
 */
export function connectionInWords(problem: string | null, pending: number, where: "page" | "browser"): string {
  if (problem !== null && problem !== OUT_OF_REACH) return `${capitalised(problem)}${/[.!?]$/.test(problem) ? "" : "."}`;
  const changes = pending === 0 ? "changes are" : pending === 1 ? "1 change is" : `${pending.toLocaleString("en")} changes are`;
  return `The server does not answer: ${changes} kept in this ${where} and sent when it is back.`;
}

/** Say that the server answers, but no longer knows who this is. */
export function signedOutInWords(where: "page" | "browser"): string {
  return `The server no longer lets this browser in: open the link that the command printed, or run it again for a new one. Changes are kept in this ${where} and sent then.`;
}

/** Start a sentence. */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Say what a queued execution waits for. */
export function waitsFor(session: SessionFacts | null, ahead: number, browser: BrowserFacts | null = null): string {
  if (session === null || session.status === "terminated") {
    if (isOnItsWay(browser)) return ["waiting for the runtime to start", percent(browser)].filter((part) => part !== "").join(", ");
    return browser?.status === "failed" ? "the runtime in this browser failed" : "waiting for a runtime";
  }
  if (session.status === "starting") return "waiting for the runtime to start";
  if (session.status === "restarting") return "waiting for the runtime to restart";
  if (session.status === "unreachable") return "waiting for the runtime, which is out of reach";
  return ahead === 0 ? "next" : `waiting for ${ahead} ${ahead === 1 ? "cell" : "cells"}`;
}

/** The words of a chip; `more` changes often and is not for screen readers. */
export interface StateWords {
  readonly text: string;
  readonly tone: Tone;
  readonly more?: string;
}

/** Name the runtime's state. `busy` counts what runs; what happens to the runtime in this tab goes before. */
export function runtimeInWords(session: SessionFacts | null, busy: boolean, browser: BrowserFacts | null = null): StateWords {
  if (browser !== null && isChanging(browser)) {
    return { text: CHANGES[browser.status] ?? "", tone: "busy", more: percent(browser) };
  }
  switch (session?.status) {
    case "starting":
      return { text: "Starting", tone: "busy" };
    case "restarting":
      return { text: "Restarting", tone: "busy" };
    case "unreachable":
      return { text: "Out of reach", tone: "warn" };
    case "ready":
      if (!busy) return { text: "Ready", tone: "good" };
      return { text: (browser?.status === "ready" && progressInWords(browser).step) || "Busy", tone: "busy" };
    default:
      if (browser?.status === "failed") return { text: "Runtime failed", tone: "bad" };
      return session?.endedReason === "crashed" || session?.endedReason === "lost"
        ? { text: "Runtime stopped", tone: "bad" }
        : { text: "No runtime", tone: "idle" };
  }
}

/** What a session ran last, which may have ended it. */
export interface LastWork {
  readonly source: string;
  readonly status: string;
  readonly errorName: string | null;
  readonly errorValue: string | null;
}

const EXITS = /(?:^|[;:])[ \t]*(?:exit|quit)[ \t]*(?:\([^)\n]*\))?[ \t]*;?[ \t]*(?:#.*)?$/m;

/** Say why there is no runtime now. */
export function endOfSessionInWords(reason: string | null, last: LastWork | null = null): string {
  const words: Readonly<Record<string, string>> = {
    shutdown: "The runtime was stopped.",
    displaced: "Another runtime took over.",
    refused: "A runtime tried to start while another was active.",
    lost: "The runtime was out of reach for too long.",
    crashed: "The runtime stopped unexpectedly.",
    restart: "The runtime was restarted.",
    evicted: "The runtime was removed.",
  };
  if (reason === "shutdown" && last?.status === "ok" && EXITS.test(last.source)) {
    return "The code asked to exit. Its variables are gone; cells and outputs stay.";
  }
  if (reason === "crashed" && last?.errorName === "RuntimeCrashed" && last.errorValue) return `${capitalised(last.errorValue)}.`;
  return words[reason ?? ""] ?? "No runtime has been started for this notebook.";
}

/** The kinds of runtime that start in this tab, the usual one first. */
export const KINDS: Readonly<Record<RuntimeKind, KindWords>> = {
  python: {
    label: "Python",
    line: "Python in this tab: nothing to install, and your code runs on no other machine. Its variables and files are gone when you leave this page.",
  },
  html: { label: "HTML", line: "Shows each cell's source as HTML. Nothing is kept between cells." },
  echo: { label: "Echo", line: "Gives each cell's source back, to try the notebook out. Nothing is computed." },
};

/** Why stopping a cell costs more than it should. */
export const NOT_ISOLATED =
  "This page is not isolated from others, so a cell that runs cannot be interrupted: stopping it replaces the runtime, and its variables are lost.";

export const DISPLACED = "Another runtime took over; the one in this tab was stopped. Its variables are gone.";

/** Say why the runtime in this tab is no longer the notebook's, or null when there is nothing to say. */
export function endedHereInWords(reason: string | null): string | null {
  const words: Readonly<Record<string, string>> = {
    displaced: DISPLACED,
    refused: "Another runtime is active, so none was started in this tab.",
    lost: "The server was out of reach for too long, so the runtime in this tab was stopped. Its variables are gone.",
    evicted: "Somebody ended the runtime in this tab. Its variables are gone.",
  };
  return words[reason ?? ""] ?? null;
}

const CHANGES: Readonly<Record<string, string>> = {
  loading: "Starting…",
  starting: "Starting…",
  restarting: "Restarting…",
  stopping: "Stopping…",
};

/** Tell whether the runtime in this tab starts, restarts or stops. */
export function isChanging(browser: BrowserFacts | null): boolean {
  return browser !== null && browser.status in CHANGES;
}

/** Tell whether a runtime in this tab will soon be ready. */
export function isOnItsWay(browser: BrowserFacts | null): boolean {
  return isChanging(browser) && browser?.status !== "stopping";
}

/** Tell whether the active runtime is the one in this tab. */
export function isHere(browser: BrowserFacts | null): boolean {
  return browser?.status === "ready" || browser?.status === "restarting" || browser?.status === "stopping";
}

/** Say what the runtime in this tab is doing now, and apart from it the numbers, which change too often to be read out. */
export function progressInWords(browser: BrowserFacts): { readonly step: string; readonly numbers: string } {
  const text = browser.progress?.text ?? "";
  if (text === "") return { step: CHANGES[browser.status] ?? "", numbers: "" };
  const at = text.indexOf(":");
  return at < 0 ? { step: capitalised(text), numbers: "" } : { step: capitalised(text.slice(0, at)), numbers: text.slice(at) };
}

function percent(browser: BrowserFacts | null): string {
  const fraction = browser?.progress?.fraction ?? null;
  return fraction === null ? "" : `${Math.round(Math.min(1, Math.max(0, fraction)) * 100)}\u00a0%`;
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

/** Why a widget is not shown: its runtime ended, or does not know it, or does not answer. */
export type GoneWidget = "ended" | "unknown" | "silent";

const GONE_WIDGET: Readonly<Record<GoneWidget, string>> = {
  ended: "This widget ended with its runtime. Run the cell again to bring it back.",
  unknown: "The runtime does not have this widget any more. Run the cell again to bring it back.",
  silent: "The runtime does not answer, so this widget cannot be shown now.",
};

export function goneWidgetInWords(why: GoneWidget): string {
  return GONE_WIDGET[why];
}
