// Charts of plotly, Vega and Vega-Lite, drawn in a frame by renderers that come from our own server.
import { useMemo } from "react";
import { metadataOf } from "../model/mime";
import { OutputFrame } from "./output-frame";
import { Retry } from "./retry";
import { useRendererCode } from "./use-renderer-code";

const LIKELY_HEIGHT = { plotly: 450, vega: 340 };

interface ChartOutputProps {
  readonly renderer: "plotly" | "vega";
  readonly mime: string;
  readonly source: string;
  /** JSON text: the output's metadata. */
  readonly metadata: string | null;
}

export function ChartOutput({ renderer, mime, source, metadata }: ChartOutputProps) {
  const loaded = useRendererCode(renderer);
  const content = useMemo(() => ({ mime, source, options: metadataOf(metadata, mime) }), [mime, source, metadata]);
  if (loaded.state === "loading") return <p className="output-note">Loading…</p>;
  if (loaded.state === "failed") return <Retry problem="What draws this chart cannot be fetched." onRetry={loaded.retry} />;
  return (
    <OutputFrame title="Chart" testId={`output-${renderer}`} likelyHeight={LIKELY_HEIGHT[renderer]} code={loaded.code} content={content} />
  );
}
