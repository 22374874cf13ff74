// Text as a terminal shows it: streams as they grow, tracebacks and plain text. Only the DOM of changed lines is touched;
// long text scrolls in a box of its own that holds only the end of very long text, until all is asked for.
import { useEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { Terminal } from "../model/terminal";
import { TerminalView } from "./terminal-dom";

const COLLAPSE_ABOVE_LINES = 24;

interface TerminalOutputProps {
  /** Feeds the text, now and as it grows, or anew `fromStart`; returns how to stop. */
  readonly feed: (write: (text: string, fromStart: boolean) => void) => () => void;
  readonly className?: string;
  readonly testId?: string;
}

interface Extent {
  readonly lines: number;
  readonly hidden: number;
}

export function TerminalOutput({ feed, className = "", testId }: TerminalOutputProps) {
  const root = useRef<HTMLPreElement>(null);
  const view = useRef<TerminalView | null>(null);
  const [extent, setExtent] = useState<Extent>({ lines: 0, hidden: 0 });
  const [expanded, setExpanded] = useState(false);
  const long = extent.lines > COLLAPSE_ABOVE_LINES;

  useEffect(() => {
    const element = root.current;
    if (element === null) return;
    const terminal = new Terminal();
    const drawn = new TerminalView(element, terminal);
    view.current = drawn;
    let frame = 0;
    const draw = () => {
      frame = 0;
      const follows = element.scrollTop + element.clientHeight >= element.scrollHeight - 8;
      drawn.update();
      if (follows) element.scrollTop = element.scrollHeight;
      const { lineCount } = terminal;
      setExtent((before) =>
        before.lines === lineCount && before.hidden === drawn.hiddenLines ? before : { lines: lineCount, hidden: drawn.hiddenLines },
      );
    };
    const stop = feed((text, fromStart) => {
      if (fromStart) terminal.clear();
      terminal.write(text);
      if (frame === 0) frame = requestAnimationFrame(draw);
    });
    draw();
    return () => {
      stop();
      cancelAnimationFrame(frame);
      element.replaceChildren();
      view.current = null;
    };
  }, [feed]);

  // A box that has just become a scrolling one shows its end, where the newest text is.
  useEffect(() => {
    if (long && !expanded && root.current !== null) root.current.scrollTop = root.current.scrollHeight;
  }, [long, expanded]);

  const expand = () => {
    view.current?.showAll();
    setExtent((before) => ({ ...before, hidden: 0 }));
    setExpanded(true);
  };
  const collapse = () => {
    flushSync(() => setExpanded(false));
    // Its end was far below: without this the page would stand somewhere else.
    root.current?.closest("[data-cell-id]")?.scrollIntoView({ block: "nearest" });
  };

  return (
    <div>
      <pre
        ref={root}
        className={`terminal ${className} ${long && !expanded ? "collapsed" : ""}`}
        data-testid={testId}
        // A scrolling box must be reachable by keyboard.
        tabIndex={long && !expanded ? 0 : undefined}
      />
      {long && (
        <div className={expanded ? "output-bar stays" : "output-bar"}>
          <button
            type="button"
            className="link-button"
            data-testid="output-expand"
            aria-expanded={expanded}
            onClick={expanded ? collapse : expand}
          >
            {expanded ? "Show less" : `Show all ${extent.lines.toLocaleString("en")} lines`}
          </button>
          {!expanded && extent.hidden > 0 && <span>The box holds the last {(extent.lines - extent.hidden).toLocaleString("en")}.</span>}
        </div>
      )}
    </div>
  );
}
