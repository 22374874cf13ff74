// HTML and JavaScript outputs, in a frame.
import { useMemo } from "react";
import { OutputFrame } from "./output-frame";

export function HtmlOutput({ kind, source }: { readonly kind: "html" | "javascript"; readonly source: string }) {
  const content = useMemo(() => ({ kind, source }), [kind, source]);
  return <OutputFrame title="HTML output" testId="output-html" likelyHeight={likelyHeight(source)} content={content} />;
}

/** Tables are what most HTML outputs are. */
function likelyHeight(source: string): number {
  const rows = source.match(/<tr[\s>]/gi)?.length ?? 0;
  return rows === 0 ? 40 : rows * 30 + 12;
}
