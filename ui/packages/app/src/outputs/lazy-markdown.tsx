// The Markdown renderer, fetched when first needed; until then the source is shown.
import { lazy, Suspense } from "react";
import type { MarkdownProps } from "./markdown";

const MarkdownView = lazy(() => import("./markdown"));

export function LazyMarkdown(props: MarkdownProps) {
  return (
    <Suspense fallback={<pre className="markdown-source">{props.source}</pre>}>
      <MarkdownView {...props} />
    </Suspense>
  );
}

/** LaTeX as Markdown math: `$…$` as it is, a bare environment or formula between `$$`. */
export function latexAsMarkdown(source: string): string {
  const text = source.trim();
  const display = /^\$\$([\s\S]*)\$\$$/.exec(text)?.[1] ?? /^\\\[([\s\S]*)\\\]$/.exec(text)?.[1] ?? (text.includes("$") ? null : text);
  return display === null ? text : `$$\n${display.trim()}\n$$`;
}
