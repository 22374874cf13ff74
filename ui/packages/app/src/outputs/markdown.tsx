// Markdown with tables and math, as React elements: raw HTML in it stays text, and links can only be harmless ones.
// Loaded when the first Markdown is shown.
import "katex/dist/katex.min.css";
import Markdown, { type Components, defaultUrlTransform } from "react-markdown";
import rehypeKatex from "rehype-katex";
import remarkGfm from "remark-gfm";
import remarkMath from "remark-math";
import { parseJson } from "../model/mime";

export interface MarkdownProps {
  readonly source: string;
  /** JSON text of nbformat attachments, for `attachment:name` images. */
  readonly attachments?: string | null;
}

const components: Components = {
  a: ({ node: _node, href, children, ...rest }) => {
    const outside = /^https?:/i.test(href ?? "");
    return (
      <a {...rest} href={href} {...(outside ? { target: "_blank", rel: "noopener noreferrer" } : {})}>
        {children}
      </a>
    );
  },
  // The app loads no images of other sites: they would tell them who reads. They become links.
  img: ({ node: _node, src, alt, title }) =>
    typeof src === "string" && /^(data:image\/|blob:|\/)/.test(src) ? (
      <img src={src} alt={alt ?? ""} title={title} loading="lazy" />
    ) : (
      <a href={typeof src === "string" ? src : ""} target="_blank" rel="noopener noreferrer" title={title}>
        {alt === undefined || alt === "" ? "image" : alt} ↗
      </a>
    ),
  table: ({ node: _node, ...rest }) => (
    <div className="markdown-table">
      <table {...rest} />
    </div>
  ),
};

export default function MarkdownView({ source, attachments }: MarkdownProps) {
  const transform = (url: string, key: string) => {
    if (key === "src" && url.startsWith("attachment:")) return attachmentUrl(attachments ?? null, url.slice("attachment:".length));
    if (key === "src" && /^data:image\/(?:png|jpeg|gif|webp|svg\+xml);base64,/.test(url)) return url;
    return defaultUrlTransform(url);
  };
  return (
    <div className="markdown">
      <Markdown
        remarkPlugins={[remarkGfm, remarkMath]}
        rehypePlugins={[[rehypeKatex, { throwOnError: false, errorColor: "var(--bad)" }]]}
        components={components}
        urlTransform={transform}
      >
        {source}
      </Markdown>
    </div>
  );
}

function attachmentUrl(attachments: string | null, name: string): string {
  const all = attachments === null ? undefined : parseJson(attachments);
  const bundle = (all as Readonly<Record<string, Readonly<Record<string, unknown>>>> | null | undefined)?.[decodeURIComponent(name)];
  const image = Object.entries(bundle ?? {}).find(([mime, data]) => mime.startsWith("image/") && typeof data === "string");
  return image === undefined ? "" : `data:${image[0]};base64,${String(image[1])}`;
}
