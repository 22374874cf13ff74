// How this page stands to the server, in words: nothing is lost while offline, and what waits is counted.
import { useEffect, useState } from "react";
import { whoAmI } from "../api";
import { connectionInWords, signedOutInWords } from "../model/words";
import { useLasting } from "./lasting";
import { useConnection, useStore } from "./state";

/** A gap shorter than this is not worth telling. */
const QUIET_MS = 1500;
const ASK_AGAIN_MS = 15_000;

export function ConnectionChip() {
  const { connected, pending } = useConnection();
  const { keeps } = useStore();
  const offline = useLasting(!connected, QUIET_MS);
  const slow = useLasting(pending > 0, QUIET_MS);
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
  const offline = useLasting(!connected, QUIET_MS);
  const signedOut = useSignedOut(offline);
  if (connected ? problem === null : !offline) return null;
  const where = keeps ? "browser" : "page";
  return (
    <div className="banner" role="alert" data-testid="connection-problem">
      {signedOut ? signedOutInWords(where) : connectionInWords(problem, pending, where)}
    </div>
  );
}

/** Whether a server that seems away only does not let this browser in: of a WebSocket a browser does not tell. */
function useSignedOut(offline: boolean): boolean {
  const [out, setOut] = useState(false);
  useEffect(() => {
    if (!offline) return;
    let current = true;
    const told = (signedOut: boolean) => {
      if (current) setOut(signedOut);
    };
    const ask = () =>
      void whoAmI().then(
        (me) => told(me === null),
        () => told(false),
      );
    ask();
    const timer = setInterval(ask, ASK_AGAIN_MS);
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [offline]);
  return offline && out;
}

/** Whether the server has been out of reach for longer than a moment. */
export function useOffline(): boolean {
  return useLasting(!useConnection().connected, QUIET_MS);
}
