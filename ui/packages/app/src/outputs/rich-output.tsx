// A MIME bundle, drawn by the richest representation there is. Bytes kept as artifacts are fetched from the server.
import type { Bundle, Representation } from "@runt/schema";
import { useCallback, useEffect, useState } from "react";
import { artifactUrl } from "../api";
import { type Choice, choose, isText, metadataOf, WIDGET_MIME } from "../model/mime";
import { ChartOutput } from "./chart-output";
import { HtmlOutput } from "./html-output";
import { JsonOutput } from "./json-output";
import { LazyMarkdown, latexAsMarkdown } from "./lazy-markdown";
import { Retry } from "./retry";
import { TerminalOutput } from "./terminal-output";
import { WidgetOutput } from "./widget-output";

interface ImageSize {
  readonly width?: number;
  readonly height?: number;
}

interface RichOutputProps {
  readonly notebookId: string;
  readonly executionId: string;
  readonly bundle: Bundle;
  /** JSON text: nbformat output metadata, sizes of images among it. */
  readonly metadata: string | null;
}

export function RichOutput({ notebookId, executionId, bundle, metadata }: RichOutputProps) {
  const choice = choose(bundle);
  if (choice === null) return null;
  if (choice.renderer === "widget" && choice.representation.type === "inline") {
    const { [WIDGET_MIME]: _, ...others } = bundle;
    return (
      <WidgetOutput executionId={executionId} source={choice.representation.data}>
        <RichOutput notebookId={notebookId} executionId={executionId} bundle={others} metadata={metadata} />
      </WidgetOutput>
    );
  }
  if (choice.renderer === "image") {
    const plain = bundle["text/plain"];
    const alt = plain?.type === "inline" && !plain.data.startsWith("<") ? plain.data : "Image output";
    const size = imageSize(metadata, choice.mime);
    const { mime, representation } = choice;
    if (isText(mime)) return <VectorImage notebookId={notebookId} choice={choice} alt={alt} size={size} />;
    const src =
      representation.type === "artifact"
        ? artifactUrl(notebookId, representation.sha256)
        : `data:${mime};base64,${representation.data.replace(/\s/g, "")}`;
    return <ImageOutput src={src} alt={alt} size={size} />;
  }
  return <TextOutput notebookId={notebookId} choice={choice} metadata={metadata} />;
}

interface VectorProps {
  readonly notebookId: string;
  readonly choice: Choice;
  readonly alt: string;
  readonly size: ImageSize;
}

/** SVG as an image, in which no script runs. The server serves it as plain bytes, so it is read as text first. */
function VectorImage({ notebookId, choice, alt, size }: VectorProps) {
  const loaded = useText(notebookId, choice.representation);
  if (loaded.state === "loading") return <p className="output-note">Loading…</p>;
  if (loaded.state === "failed") return <Retry problem={loaded.problem} onRetry={loaded.retry} />;
  return <ImageOutput src={`data:${choice.mime};charset=utf-8,${encodeURIComponent(loaded.text)}`} alt={alt} size={size} />;
}

interface TextOutputProps {
  readonly notebookId: string;
  readonly choice: Choice;
  readonly metadata: string | null;
}

function TextOutput({ notebookId, choice, metadata }: TextOutputProps) {
  const { mime, renderer, representation } = choice;
  const loaded = useText(notebookId, representation);
  if (!isText(mime)) return <p className="output-note">An output of type {mime}, which this app cannot show.</p>;
  if (loaded.state === "loading") return <p className="output-note">Loading…</p>;
  if (loaded.state === "failed") return <Retry problem={loaded.problem} onRetry={loaded.retry} />;
  switch (renderer) {
    case "plotly":
    case "vega":
      return <ChartOutput renderer={renderer} mime={mime} source={loaded.text} metadata={metadata} />;
    case "html":
    case "javascript":
      return <HtmlOutput kind={renderer} source={loaded.text} />;
    case "markdown":
      return <LazyMarkdown source={loaded.text} />;
    case "latex":
      return <LazyMarkdown source={latexAsMarkdown(loaded.text)} />;
    case "json":
      return <JsonOutput source={loaded.text} />;
    default:
      return <PlainText text={loaded.text} />;
  }
}

function PlainText({ text }: { readonly text: string }) {
  const feed = useCallback(
    (write: (text: string, fromStart: boolean) => void) => {
      write(text, true);
      return () => {};
    },
    [text],
  );
  return <TerminalOutput feed={feed} testId="output-text" />;
}

interface ImageProps {
  readonly src: string;
  readonly alt: string;
  readonly size: ImageSize;
}

function ImageOutput({ src, alt, size }: ImageProps) {
  const [attempt, setAttempt] = useState(0);
  const [failed, setFailed] = useState<string | null>(null);
  if (failed === src) {
    const retry = () => {
      setFailed(null);
      setAttempt(attempt + 1);
    };
    return <Retry problem="The image cannot be read." onRetry={retry} />;
  }
  return (
    <img key={attempt} className="output-image" data-testid="output-image" src={src} alt={alt} {...size} onError={() => setFailed(src)} />
  );
}

function imageSize(metadata: string | null, mime: string): ImageSize {
  const { width, height } = metadataOf(metadata, mime);
  return { ...(typeof width === "number" ? { width } : {}), ...(typeof height === "number" ? { height } : {}) };
}

type Loaded =
  | { readonly state: "loading" }
  | { readonly state: "ready"; readonly text: string }
  | { readonly state: "failed"; readonly problem: string; readonly retry: () => void };

function useText(notebookId: string, representation: Representation): Loaded {
  const [fetched, setFetched] = useState<{ readonly sha256: string; readonly text: string } | { readonly problem: string } | null>(null);
  const sha256 = representation.type === "artifact" ? representation.sha256 : null;
  const load = useCallback(
    (signal: AbortSignal | null) => {
      if (sha256 === null) return;
      setFetched(null);
      fetchText(artifactUrl(notebookId, sha256), signal).then(
        (text) => setFetched({ sha256, text }),
        (error: unknown) => {
          if (signal?.aborted !== true) setFetched({ problem: error instanceof Error ? error.message : String(error) });
        },
      );
    },
    [notebookId, sha256],
  );
  useEffect(() => {
    const controller = new AbortController();
    load(controller.signal);
    return () => controller.abort();
  }, [load]);

  if (representation.type === "inline") return { state: "ready", text: representation.data };
  if (fetched === null) return { state: "loading" };
  if ("problem" in fetched) return { state: "failed", problem: fetched.problem, retry: () => load(null) };
  return fetched.sha256 === sha256 ? { state: "ready", text: fetched.text } : { state: "loading" };
}

async function fetchText(url: string, signal: AbortSignal | null): Promise<string> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`The server does not have this output (${response.status}).`);
  return response.text();
}
