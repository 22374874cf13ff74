// The code of renderers, as text that goes into output frames and never runs in the page. Each is a chunk of its own,
// fetched when an output first needs it.

export type RendererName = "plotly" | "vega" | "widgets";

const CODE: Readonly<Record<RendererName, () => Promise<{ readonly default: string }>>> = {
  plotly: () => import("../frame/plotly.ts?bundle"),
  vega: () => import("../frame/vega.ts?bundle"),
  widgets: () => import("../frame/widgets.ts?bundle"),
};

export function isRendererName(name: string): name is RendererName {
  return Object.hasOwn(CODE, name);
}

/** Fetch a renderer's code; the browser keeps it. */
export async function rendererCode(name: RendererName): Promise<string> {
  return (await CODE[name]()).default;
}
