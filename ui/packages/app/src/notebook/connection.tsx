// How this page stands to the server, in words: nothing is lost while offline, and what waits is counted.
import { useEffect, useState } from "react";
import { connectionInWords } from "../model/words";
import { useConnection, useStore } from "./state";

/** A gap shorter than this is not worth telling. */
const QUIET_MS = 1500;

export function ConnectionChip() {
  const { connected, pending } = useConnection();
  const { keeps } = useStore();
  const offline = useLasting(!connected);
  const slow = useLasting(pending > 0);
  const changes = `${pending.toLocaleString("en")} ${pending === 1 ? "change" : "changes"}`;
  const text = offline ? "Offline" : pending === 0 ? "Saved" : slow ? `Sending ${changes}` : "Saving…";
  const title = offline
    ? `Changes are kept in this ${keeps ? "browser" : "page"} and sent when the server answers again.`
    : "Every change is on the server.";
  return (
    <span
      className="chip quiet"
      role="status"
      title={title}
      data-testid="connection-status"
      data-connected={connected}
      data-pending={pending}
    >
      {offline && <span className="dot warn" />}
      {text}
    </span>
  );
}

/** What is wrong, when something is that people should know. */
export function ConnectionBanner() {
  const { connected, pending, problem } = useConnection();
  const { keeps } = useStore();
  const offline = useLasting(!connected);
  if (connected ? problem === null : !offline) return null;
  return (
    <div className="banner" role="alert" data-testid="connection-problem">
      {connectionInWords(problem, pending, keeps ? "browser" : "page")}
    </div>
  );
}

/** Whether the server has been out of reach for longer than a moment. */
export function useOffline(): boolean {
  return useLasting(!useConnection().connected);
}

/** True once `value` has been true for a while; false at once. */
function useLasting(value: boolean): boolean {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (!value) {
      setLasting(false);
      return;
    }
    const timer = setTimeout(() => setLasting(true), QUIET_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return value && lasting;
}
