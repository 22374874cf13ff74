// MIME bundles as outputs hold them, and the one list that says which representation people see.
import type { Bundle, Representation } from "@runt/schema";

/** How a representation is drawn. */
export type Renderer = "widget" | "plotly" | "vega" | "html" | "javascript" | "markdown" | "latex" | "image" | "json" | "text";

export const WIDGET_MIME = "application/vnd.jupyter.widget-view+json";

/** Richest first. A type that is not here is never preferred to one that is. Beside data of a chart, HTML is what loads from the web. */
export const PREFERENCE: readonly (readonly [mime: string | RegExp, renderer: Renderer])[] = [
  [WIDGET_MIME, "widget"],
  [/^application\/vnd\.plotly\.v\d+\+json$/, "plotly"],
  [/^application\/vnd\.vega(?:lite)?\.v\d+\+json$/, "vega"],
  ["text/html", "html"],
  ["text/markdown", "markdown"],
  ["text/latex", "latex"],
  ["image/svg+xml", "image"],
  ["image/png", "image"],
  ["image/jpeg", "image"],
  ["image/webp", "image"],
  ["image/gif", "image"],
  ["application/javascript", "javascript"],
  ["application/json", "json"],
  ["text/plain", "text"],
];

export interface Choice {
  readonly mime: string;
  readonly renderer: Renderer;
  readonly representation: Representation;
}

/** Parse a bundle's JSON text; null when it is not one. */
export function parseBundle(text: string): Bundle | null {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, Representation] => isRepresentation(entry[1])));
}

/** Choose the representation to draw; null when the bundle is empty. */
export function choose(bundle: Bundle): Choice | null {
  const entries = Object.entries(bundle);
  for (const [wanted, renderer] of PREFERENCE) {
    const found = entries.find(([mime]) => (typeof wanted === "string" ? mime === wanted : wanted.test(mime)));
    if (found !== undefined) return { mime: found[0], renderer, representation: found[1] };
  }
  const other = entries[0];
  if (other === undefined) return null;
  const [mime, representation] = other;
  if (mime.endsWith("+json")) return { mime, renderer: "json", representation };
  return { mime, renderer: mime.startsWith("image/") ? "image" : "text", representation };
}

/** Tell whether values of this type are text rather than base64; the rule of runtime_schema/media.py. */
export function isText(mime: string): boolean {
  const essence = mime.split(";")[0] ?? "";
  return /^text\/|^application\/(?:json|javascript|xml|x-latex)$|\+(?:json|xml)$/.test(essence);
}

/** Parse JSON text of unknown origin; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An output's metadata of one type, as nbformat has them: text of an object that holds an object for a type. */
export function metadataOf(metadata: string | null, mime: string): Readonly<Record<string, unknown>> {
  const all = metadata === null ? undefined : parseJson(metadata);
  const own = (all as Readonly<Record<string, unknown>> | null | undefined)?.[mime];
  return typeof own === "object" && own !== null && !Array.isArray(own) ? (own as Readonly<Record<string, unknown>>) : {};
}

function isRepresentation(value: unknown): value is Representation {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  if (value.type === "inline") return "data" in value && typeof value.data === "string";
  return value.type === "artifact" && "sha256" in value && typeof value.sha256 === "string";
}
