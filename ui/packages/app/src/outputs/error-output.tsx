// An exception: its name and value first, then the traceback in the runtime's own colours.
import { useCallback } from "react";
import { parseJson } from "../model/mime";
import { TerminalOutput } from "./terminal-output";

interface ErrorOutputProps {
  readonly name: string;
  readonly value: string;
  /** JSON text of the traceback's lines. */
  readonly traceback: string;
}

export function ErrorOutput({ name, value, traceback }: ErrorOutputProps) {
  const lines = parseJson(traceback);
  const text = Array.isArray(lines) ? lines.join("\n") : "";
  const feed = useCallback(
    (write: (text: string, fromStart: boolean) => void) => {
      write(text, true);
      return () => {};
    },
    [text],
  );
  return (
    <section className="error-output" aria-label="Error" data-testid="output-error">
      <div className="error-head">
        <span className="error-name">{name}</span>
        {value !== "" && `: ${value}`}
      </div>
      {text !== "" && (
        <details open>
          <summary>Traceback</summary>
          <TerminalOutput feed={feed} />
        </details>
      )}
    </section>
  );
}
