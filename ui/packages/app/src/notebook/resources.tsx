// What the runtime uses of memory and processor: asked for while the panel is open, and kept in sight while memory runs short.
import { useCallback, useEffect, useState } from "react";
import { type Resources, readResources } from "../model/live-answers";
import { isMemoryNoteworthy, memory, processor, usedFraction } from "../model/quantities";
import { type RuntimeSessionRow, useAsk } from "./state";

const EVERY_MS = 3_000;
/** From here on the bar warns. */
const SCARCE = 0.85;

interface Known {
  readonly sessionId: string;
  readonly resources: Resources;
}

/**
 * What the session uses, as it last said.
 *
 * While `open` it is asked every few seconds, if the page is seen. Otherwise only what says that memory runs short is kept,
 * and asked for once more whenever the runtime has become idle.
 */
export function useResources(session: RuntimeSessionRow | null, open: boolean, busy: boolean): Resources | null {
  const ask = useAsk();
  const [known, setKnown] = useState<Known | null>(null);
  const sessionId = session?.status === "ready" ? session.sessionId : null;
  const resources = known !== null && known.sessionId === sessionId ? known.resources : null;
  const scarce = isMemoryNoteworthy(resources);

  const update = useCallback(async () => {
    if (sessionId === null || document.visibilityState === "hidden") return;
    const answer = await ask("resources");
    const read = "data" in answer ? readResources(answer.data) : null;
    setKnown(read === null ? null : { sessionId, resources: read });
  }, [ask, sessionId]);

  useEffect(() => {
    if (!open) return;
    void update();
    const timer = setInterval(() => void update(), EVERY_MS);
    document.addEventListener("visibilitychange", update);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", update);
    };
  }, [update, open]);

  useEffect(() => {
    if (!open && scarce && !busy) void update();
  }, [update, open, busy, scarce]);

  return open || scarce ? resources : null;
}

/** Rows of the runtime's facts. */
export function ResourceFacts({ resources }: { readonly resources: Resources }) {
  const { rssBytes, cpuPercent, limitBytes } = resources;
  const fraction = usedFraction(resources);
  return (
    <>
      <dt>Memory</dt>
      <dd data-testid="runtime-memory">
        {memory(rssBytes)}
        {limitBytes !== null && ` of ${memory(limitBytes)}`}
        {fraction !== null && (
          <progress
            className={fraction > SCARCE ? "progress scarce" : "progress"}
            aria-label="Memory in use"
            max={1}
            value={Math.min(1, fraction)}
          />
        )}
      </dd>
      {cpuPercent !== null && (
        <>
          <dt>Processor</dt>
          <dd data-testid="runtime-cpu">{processor(cpuPercent)}</dd>
        </>
      )}
    </>
  );
}
