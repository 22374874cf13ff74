// The frame that code of outputs lives in: of an opaque origin, handed its content over a MessagePort, and telling nothing but
// its height, clicked links and a renderer's messages. A frame that navigates itself is taken away.
import { useEffect, useRef, useState } from "react";

const FRAME_URL = "/output-frame.html";
const TALLEST = 6000;
const THEME_VARIABLES = [
  "--text",
  "--text-soft",
  "--line",
  "--line-strong",
  "--page",
  "--surface",
  "--stripe",
  "--hover",
  "--accent",
  "--on-accent",
  "--good",
  "--bad",
  "--bad-soft",
  "--warn",
  "--font-ui",
  "--font-code",
];

interface Theme {
  readonly dark: boolean;
  readonly variables: Readonly<Record<string, string>>;
}

/** What a frame may tell; everything else is ignored. */
type Told =
  | { readonly type: "height"; readonly height: number }
  | { readonly type: "link"; readonly href: string }
  | { readonly type: "escape" }
  | { readonly type: "message"; readonly message: unknown };

interface OutputFrameProps {
  readonly title: string;
  readonly testId: string;
  /** A guess until the frame tells, so that what stands below moves little. */
  readonly likelyHeight: number;
  /** The renderer's module; without one the content is HTML or JavaScript. It stays the same for a frame's life. */
  readonly code?: string;
  /** What is drawn; posted anew when it is another object. */
  readonly content: object;
  /** Hears the renderer's messages. */
  readonly onMessage?: (message: unknown) => void;
  /** Told how to post more content, once for every document that the frame loads. */
  readonly onReady?: (post: (content: object) => void) => void;
}

export function OutputFrame({ title, testId, likelyHeight, code, content, onMessage, onReady }: OutputFrameProps) {
  const frame = useRef<HTMLIFrameElement>(null);
  const port = useRef<MessagePort | null>(null);
  const connected = useRef<Window | null>(null);
  const posted = useRef<object | null>(null);
  const [height, setHeight] = useState(Math.min(likelyHeight, TALLEST));
  const [gone, setGone] = useState(false);

  const hear = (event: MessageEvent<unknown>) => {
    const told = parseTold(event.data);
    if (told?.type === "height") setHeight(Math.min(told.height, TALLEST));
    else if (told?.type === "link") openLink(told.href);
    else if (told?.type === "escape") frame.current?.closest<HTMLElement>("[data-cell-id]")?.focus();
    else if (told?.type === "message") onMessage?.(told.message);
  };
  useEffect(() => {
    if (port.current !== null) port.current.onmessage = hear;
  });
  useEffect(() => {
    if (port.current === null || posted.current === content) return;
    posted.current = content;
    port.current.postMessage({ content });
  }, [content]);
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
    port1.onmessage = hear;
    posted.current = content;
    // The frame's origin is opaque, so no target origin can name it; it gets nothing but this output.
    target.postMessage({ theme: currentTheme(), content, ...(code === undefined ? {} : { code }) }, "*", [port2]);
    onReady?.((more) => port1.postMessage({ content: more }));
  };

  if (gone) return <p className="output-note">This output left its frame and was taken away. Run the cell again to see it.</p>;
  return (
    <iframe
      ref={frame}
      className="output-frame"
      data-testid={testId}
      title={title}
      sandbox="allow-scripts"
      referrerPolicy="no-referrer"
      src={FRAME_URL}
      style={{ height: `${height}px` }}
      onLoad={connect}
    />
  );
}

function parseTold(data: unknown): Told | null {
  if (typeof data !== "object" || data === null || !("type" in data)) return null;
  if (data.type === "height" && "height" in data && typeof data.height === "number" && data.height >= 0)
    return { type: "height", height: data.height };
  if (data.type === "link" && "href" in data && typeof data.href === "string") return { type: "link", href: data.href };
  if (data.type === "message" && "message" in data) return { type: "message", message: data.message };
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
