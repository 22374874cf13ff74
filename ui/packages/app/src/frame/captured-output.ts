// One captured output, in nbformat's form, as an element of a frame.
import { type Choice, choose } from "../model/mime";
import { terminalLines } from "../model/terminal";
import { drawLines } from "../outputs/terminal-dom";
import type { FrameManager } from "./manager";

type Fields = Readonly<Record<string, unknown>>;

/** Draw it for a view, which takes the element in at once; `displayed` resolves when that view is in the document. */
export function drawOutput(output: unknown, manager: FrameManager, displayed: Promise<unknown>): HTMLElement {
  const { output_type: kind, name, text, ename, evalue, traceback, data, metadata } = output as Fields;
  if (kind === "stream") return terminal(textOf(text), name === "stderr" ? "stderr" : "stdout");
  if (kind === "error") {
    const lines = Array.isArray(traceback) && traceback.length > 0 ? traceback.join("\n") : `${ename}: ${evalue}`;
    return terminal(lines, "error-output");
  }
  return drawBundle((data ?? {}) as Fields, (metadata ?? {}) as Fields, manager, displayed);
}

function drawBundle(data: Fields, metadata: Fields, manager: FrameManager, displayed: Promise<unknown>): HTMLElement {
  const bundle = Object.fromEntries(Object.entries(data).map(([mime, value]) => [mime, { type: "inline", data: textOf(value) } as const]));
  const choice = choose(bundle);
  const place = document.createElement("div");
  if (choice === null) return place;
  draw(choice, place, metadata, manager, displayed).catch((error: unknown) => {
    place.className = "output-note";
    place.textContent = `This output cannot be drawn. ${error instanceof Error ? error.message : String(error)}`;
  });
  return place;
}

async function draw(
  choice: Choice,
  place: HTMLElement,
  metadata: Fields,
  manager: FrameManager,
  displayed: Promise<unknown>,
): Promise<void> {
  const { mime, renderer, representation } = choice;
  const source = representation.type === "inline" ? representation.data : "";
  switch (renderer) {
    case "widget":
      // A view must be in the document when it is attached. A frame out of sight gets no animation frames to look for that.
      await displayed;
      await manager.show((JSON.parse(source) as { model_id: string }).model_id, place);
      return;
    case "plotly":
    case "vega":
      await manager.renderers.draw(renderer, place, { mime, source, options: metadata[mime] ?? {} });
      return;
    case "html":
      place.innerHTML = source;
      runScripts(place);
      return;
    case "javascript":
      Function("element", source)(place);
      return;
    case "image": {
      const image = document.createElement("img");
      image.src = mime === "image/svg+xml" ? `data:${mime};charset=utf-8,${encodeURIComponent(source)}` : `data:${mime};base64,${source}`;
      const { width, height } = (metadata[mime] ?? {}) as Fields;
      if (typeof width === "number") image.width = width;
      if (typeof height === "number") image.height = height;
      place.append(image);
      return;
    }
    default:
      place.append(terminal(source, "stdout"));
  }
}

/** Scripts that come with innerHTML do not run: each is made anew. */
function runScripts(place: HTMLElement): void {
  for (const inert of place.querySelectorAll("script")) {
    const script = document.createElement("script");
    for (const { name, value } of inert.attributes) script.setAttribute(name, value);
    script.textContent = inert.textContent;
    inert.replaceWith(script);
  }
}

function terminal(text: string, className: string): HTMLElement {
  const element = document.createElement("pre");
  element.className = `terminal ${className}`;
  element.append(drawLines(terminalLines(text)));
  return element;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((line) => typeof line === "string")) return value.join("");
  return JSON.stringify(value ?? null);
}
