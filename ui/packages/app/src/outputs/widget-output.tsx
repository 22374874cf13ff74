// A widget (application/vnd.jupyter.widget-view+json): a view of a model that lives in the runtime, drawn in a frame. Without its
// runtime it is a sentence and the bundle's other representation.
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { parseJson } from "../model/mime";
import { type GoneWidget, goneWidgetInWords } from "../model/words";
import type { WidgetStatus, WidgetView } from "../notebook/comm-hub";
import { useRunsOn } from "../notebook/state";
import { useCommHub } from "../notebook/widgets";
import { OutputFrame } from "./output-frame";
import { isRendererName, rendererCode } from "./renderer-code";
import { Retry } from "./retry";
import { useRendererCode } from "./use-renderer-code";

const LIKELY_HEIGHT = 40;

interface WidgetOutputProps {
  readonly executionId: string;
  /** JSON text that names the model. */
  readonly source: string;
  /** What else there is of this output. */
  readonly children: ReactNode;
}

export function WidgetOutput({ executionId, source, children }: WidgetOutputProps) {
  const lives = useRunsOn(executionId);
  const modelId = modelIn(source);
  if (modelId === null) return children;
  if (!lives) return <Gone why="ended">{children}</Gone>;
  return (
    <LiveWidget key={modelId} modelId={modelId}>
      {children}
    </LiveWidget>
  );
}

function LiveWidget({ modelId, children }: { readonly modelId: string; readonly children: ReactNode }) {
  const hub = useCommHub();
  const [status, setStatus] = useState<WidgetStatus>("loading");
  const view = useRef<WidgetView | null>(null);
  const post = useRef<(content: object) => void>(() => {});
  const loaded = useRendererCode("widgets");
  const content = useMemo(() => ({ model: modelId }), [modelId]);

  useEffect(() => {
    if (hub === null) return;
    const made = hub.view(modelId, setStatus);
    view.current = made;
    return () => {
      view.current = null;
      made.close();
    };
  }, [hub, modelId]);

  const hear = (message: unknown) => {
    const wanted = wantedRenderer(message);
    if (wanted === null) view.current?.heard(message);
    else if (isRendererName(wanted)) void rendererCode(wanted).then((code) => post.current({ renderer: wanted, code }));
  };

  if (status === "closed") return null;
  if (status === "unknown" || status === "silent") return <Gone why={status}>{children}</Gone>;
  if (loaded.state === "failed") return <Retry problem="What draws widgets cannot be fetched." onRetry={loaded.retry} />;
  if (status === "loading" || loaded.state === "loading") return <p className="output-note">Loading…</p>;
  return (
    <OutputFrame
      title="Widget"
      testId="output-widget"
      likelyHeight={LIKELY_HEIGHT}
      code={loaded.code}
      content={content}
      onMessage={hear}
      onReady={(made) => {
        post.current = made;
        view.current?.connect(made);
      }}
    />
  );
}

function Gone({ why, children }: { readonly why: GoneWidget; readonly children: ReactNode }) {
  return (
    <>
      <p className="output-note" data-testid="widget-gone">
        {goneWidgetInWords(why)}
      </p>
      {children}
    </>
  );
}

function modelIn(source: string): string | null {
  const fields = parseJson(source);
  const named = typeof fields === "object" && fields !== null && "model_id" in fields;
  return named && typeof fields.model_id === "string" ? fields.model_id : null;
}

/** A captured output may be a chart, whose renderer a widget's frame asks for. */
function wantedRenderer(message: unknown): string | null {
  const asks = typeof message === "object" && message !== null && "want" in message;
  return asks && typeof message.want === "string" ? message.want : null;
}
