// Draws Vega and Vega-Lite charts in an output frame.
import { type Loader, loader as makeLoader } from "vega";
import embed, { type EmbedOptions, type Result, type VisualizationSpec } from "vega-embed";
import { type Chart, isFields, readChart } from "./chart";
import { isDark, type StartRenderer, themeValue } from "./host";

export const start: StartRenderer = ({ output }) => {
  const place = document.createElement("div");
  const note = document.createElement("p");
  note.className = "output-note";
  output.append(place);
  let shown: Chart | null = null;
  let drawn: Result | null = null;

  const refuse = (uri: string): void => {
    note.textContent = `This chart wants to load ${uri}, which outputs may not: read the data in Python and hand them to the chart.`;
    output.append(note);
  };

  const draw = async (): Promise<void> => {
    if (shown === null) return;
    drawn?.finalize();
    note.remove();
    // A chart that fills its container needs one that has a width.
    place.style.display = shown.spec.width === "container" ? "block" : "inline-block";
    drawn = await embed(place, shown.spec as unknown as VisualizationSpec, options(shown, offline(refuse)));
  };

  return {
    receive: (content) => {
      shown = readChart(content);
      return draw();
    },
    retheme: draw,
  };
};

function options({ mime, options: metadata }: Chart, loader: Loader): EmbedOptions {
  const own = isFields(metadata.embed_options) ? metadata.embed_options : {};
  const dark = isDark() ? ({ theme: "dark", config: { background: "transparent", ...darkColours() } } as const) : {};
  return {
    renderer: "svg",
    ...dark,
    ...own,
    mode: mime.startsWith("application/vnd.vegalite") ? "vega-lite" : "vega",
    // They open windows and start downloads, which a frame may not.
    actions: false,
    loader,
  };
}

function darkColours(): Readonly<Record<string, unknown>> {
  const text = themeValue("--text");
  const axis = { domainColor: themeValue("--line-strong"), gridColor: themeValue("--line"), tickColor: themeValue("--line-strong") };
  return { axis: { ...axis, labelColor: text, titleColor: text }, view: { stroke: themeValue("--line-strong") } };
}

/** A loader that loads nothing: data of other sites do not come into outputs. */
function offline(refuse: (uri: string) => void): Loader {
  return {
    ...makeLoader(),
    load: (uri: string) => {
      refuse(uri);
      return Promise.reject(new Error(`${uri} is not loaded`));
    },
  };
}
