// An exception: its name and value first, then the traceback in the runtime's own colours. One that a person asked for,
// by stopping the cell, is a single line that unfolds.
import { useCallback, useRef } from "react";
import { parseJson } from "../model/mime";
import { interruptedInWords } from "../model/words";
import { useCellLinks } from "../notebook/cell-links";
import { TerminalOutput } from "./terminal-output";

interface ErrorOutputProps {
  readonly name: string;
  readonly value: string;
  /** JSON text of the traceback's lines. */
  readonly traceback: string;
  /** The execution was stopped on purpose. */
  readonly interrupted?: boolean;
}

export function ErrorOutput({ name, value, traceback, interrupted = false }: ErrorOutputProps) {
  const lines = parseJson(traceback);
  const text = Array.isArray(lines) ? lines.join("\n") : "";
  const feed = useCallback(
    (write: (text: string, fromStart: boolean) => void) => {
      write(text, true);
      return () => {};
    },
    [text],
  );
  const details = useRef<HTMLDetailsElement>(null);
  useCellLinks(details, text);
  if (interrupted) {
    return (
      <details ref={details} className="interrupt-output" data-testid="output-interrupt">
        <summary>{interruptedInWords(text)}</summary>
        <TerminalOutput feed={feed} />
      </details>
    );
  }
  return (
    <section className="error-output" aria-label="Error" data-testid="output-error">
      <div className="error-head">
        <span className="error-name">{name}</span>
        {value !== "" && `: ${value}`}
      </div>
      {text !== "" && (
        <details ref={details} open>
          <summary>Traceback</summary>
          <TerminalOutput feed={feed} />
        </details>
      )}
    </section>
  );
}
