// The cell's state in the margin: run count, waiting, running with its time; and the button that runs or stops it.
import { useEffect, useState } from "react";
import { Icon } from "../icons";
import { duration } from "../model/words";
import { type ExecutionRow, useQueuePlace } from "./state";

interface GutterProps {
  readonly execution: ExecutionRow | null;
  readonly inView: boolean;
  readonly onRun: () => void;
  readonly onStop: () => void;
}

const OPEN: ReadonlySet<string> = new Set(["queued", "running", "cancelling"]);

export function isOpen(execution: ExecutionRow | null): boolean {
  return execution !== null && OPEN.has(execution.status);
}

export function Gutter({ execution, inView, onRun, onStop }: GutterProps) {
  const open = isOpen(execution);
  return (
    <div className="gutter">
      <button
        type="button"
        className="gutter-run"
        tabIndex={-1}
        aria-label={open ? "Stop this cell" : "Run this cell"}
        title={open ? "Stop this cell" : "Run this cell"}
        data-testid={open ? "stop-cell" : "run-cell"}
        onClick={open ? onStop : onRun}
      >
        <span className="gutter-count" data-testid="execution-count">
          <Count execution={execution} />
        </span>
        <Icon name={open ? "stop" : "run"} />
      </button>
      {execution?.status === "queued" && <QueueNumber executionId={execution.id} inView={inView} />}
      {(execution?.status === "running" || execution?.status === "cancelling") && execution.startedMs !== null && (
        <Elapsed sinceMs={execution.startedMs} />
      )}
      {execution !== null && !open && execution.startedMs !== null && execution.finishedMs !== null && (
        <span className="gutter-time">{duration(execution.finishedMs - execution.startedMs)}</span>
      )}
    </div>
  );
}

function QueueNumber({ executionId, inView }: { readonly executionId: string; readonly inView: boolean }) {
  const number = useQueuePlace(executionId, inView)?.number ?? 0;
  return (
    <span className="gutter-time" data-testid="queue-position" title={`Number ${number} of those that wait`}>
      #{number}
    </span>
  );
}

function Count({ execution }: { readonly execution: ExecutionRow | null }) {
  if (execution === null) return "[ ]";
  if (execution.status === "queued") return "[*]";
  if (execution.status === "running" || execution.status === "cancelling")
    return <span className="spinner" role="img" aria-label="running" />;
  return execution.executionCount === null ? "[ ]" : `[${execution.executionCount}]`;
}

/** Counts up while mounted; the page's clock may differ from the runtime's, so it never shows less than nothing. */
function Elapsed({ sinceMs }: { readonly sinceMs: number }) {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  return (
    <span className="gutter-time" role="timer" aria-label="Time running">
      {duration(nowMs - sinceMs)}
    </span>
  );
}
