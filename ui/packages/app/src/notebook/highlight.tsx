// Highlighted source as plain elements, with the classes that the editor uses: what a cell shows before it has an editor.
import { pythonLanguage } from "@codemirror/lang-python";
import { classHighlighter, highlightCode } from "@lezer/highlight";
import { memo, type ReactNode, useMemo } from "react";

const LONGEST_HIGHLIGHTED = 50_000;

export const StaticCode = memo(function StaticCode({ source, python }: { readonly source: string; readonly python: boolean }) {
  const parts = useMemo(() => (python && source.length <= LONGEST_HIGHLIGHTED ? highlight(source) : source), [source, python]);
  return <pre className={python ? "static-code" : "static-code wraps"}>{source === "" ? " " : parts}</pre>;
});

function highlight(source: string): ReactNode {
  const parts: ReactNode[] = [];
  highlightCode(
    source,
    pythonLanguage.parser.parse(source),
    classHighlighter,
    (text, classes) =>
      parts.push(
        classes === "" ? (
          text
        ) : (
          <span key={parts.length} className={classes}>
            {text}
          </span>
        ),
      ),
    () => parts.push("\n"),
  );
  return parts;
}
