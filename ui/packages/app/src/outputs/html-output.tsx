// HTML and JavaScript outputs: a frame of an opaque origin that is handed its content over a MessagePort and only
// tells its height and clicked links. A frame that navigates itself is taken away.
import { useEffect, useRef, useState } from "react";

/** The build knows it: the address of the frame's page with the version of its content. */
declare const OUTPUT_FRAME_URL: string;

const TALLEST = 6000;
const THEME_VARIABLES = ["--text", "--text-soft", "--line", "--line-strong", "--stripe", "--hover", "--accent", "--font-ui", "--font-code"];

interface Theme {
  readonly dark: boolean;
  readonly variables: Readonly<Record<string, string>>;
}

/** What a frame may tell; everything else is ignored. */
type Told =
  | { readonly type: "height"; readonly height: number }
  | { readonly type: "link"; readonly href: string }
  | { readonly type: "escape" };

export function HtmlOutput({ kind, source }: { readonly kind: "html" | "javascript"; readonly source: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const port = useRef<MessagePort | null>(null);
  const connected = useRef<Window | null>(null);
  const [height, setHeight] = useState(() => likelyHeight(source));
  const [gone, setGone] = useState(false);

  useEffect(() => port.current?.postMessage({ kind, source }), [kind, source]);
  useEffect(() => {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const tell = () => port.current?.postMessage({ theme: currentTheme() });
    dark.addEventListener("change", tell);
    return () => {
      dark.removeEventListener("change", tell);
      port.current?.close();
      port.current = null;
    };
  }, []);

  const connect = () => {
    port.current?.close();
    const target = frame.current?.contentWindow ?? null;
    // A second load in the same window is a frame that navigated; a moved cell's frame is a new window.
    if (target === null || target === connected.current) {
      setGone(true);
      return;
    }
    connected.current = target;
    const { port1, port2 } = new MessageChannel();
    port.current = port1;
    port1.onmessage = (event: MessageEvent<unknown>) => {
      const told = parseTold(event.data);
      if (told?.type === "height") setHeight(Math.min(told.height, TALLEST));
      else if (told?.type === "link") openLink(told.href);
      else if (told?.type === "escape") frame.current?.closest<HTMLElement>("[data-cell-id]")?.focus();
    };
    // The frame's origin is opaque, so no target origin can name it; it gets nothing but this output.
    target.postMessage({ kind, source, theme: currentTheme() }, "*", [port2]);
  };

  if (gone) return <p className="output-note">This output left its frame and was taken away. Run the cell again to see it.</p>;
  return (
    <iframe
      ref={frame}
      className="output-frame"
      data-testid="output-html"
      title="HTML output"
      sandbox="allow-scripts"
      referrerPolicy="no-referrer"
      src={OUTPUT_FRAME_URL}
      style={{ height: `${height}px` }}
      onLoad={connect}
    />
  );
}

/** A guess until the frame tells, so that what stands below moves little: tables are what most HTML outputs are. */
function likelyHeight(source: string): number {
  const rows = source.match(/<tr[\s>]/gi)?.length ?? 0;
  return Math.min(rows === 0 ? 40 : rows * 30 + 12, TALLEST);
}

function parseTold(data: unknown): Told | null {
  if (typeof data !== "object" || data === null || !("type" in data)) return null;
  if (data.type === "height" && "height" in data && typeof data.height === "number" && data.height >= 0)
    return { type: "height", height: data.height };
  if (data.type === "link" && "href" in data && typeof data.href === "string") return { type: "link", href: data.href };
  return data.type === "escape" ? { type: "escape" } : null;
}

function openLink(href: string): void {
  if (/^https?:\/\//i.test(href)) window.open(href, "_blank", "noopener,noreferrer");
}

function currentTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  return {
    dark: window.matchMedia("(prefers-color-scheme: dark)").matches,
    variables: Object.fromEntries(THEME_VARIABLES.map((name) => [name, style.getPropertyValue(name)])),
  };
}
