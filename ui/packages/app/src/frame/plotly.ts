// Draws plotly figures (application/vnd.plotly.v1+json) in an output frame.
import Plotly, { type Config, type Data, type Frame, type Layout } from "plotly.js-dist-min";
import { type Chart, isFields, readChart } from "./chart";
import { isDark, type StartRenderer, themeValue } from "./host";
import { darkLayout, type Fields } from "./plotly-theme";

/** What plotly.js gives a figure that has none. */
const DEFAULT_HEIGHT = 450;
/** `toImage` needs a download, which a frame may not start. */
const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["toImage"] };

export const start: StartRenderer = ({ output }) => {
  const place = document.createElement("div");
  output.append(place);
  let shown: Chart | null = null;

  const draw = async (): Promise<void> => {
    if (shown === null) return;
    const { data, config, frames } = shown.spec;
    const layout = isFields(shown.spec.layout) ? shown.spec.layout : {};
    // Without it a figure without a height of its own, drawn a second time, would take that of its empty container.
    place.style.height = `${typeof layout.height === "number" ? layout.height : DEFAULT_HEIGHT}px`;
    await Plotly.react(
      place,
      structuredClone(Array.isArray(data) ? data : []) as Data[],
      themed(layout) as Partial<Layout>,
      { ...(isFields(config) ? config : {}), ...CONFIG } as Partial<Config>,
    );
    if (Array.isArray(frames) && frames.length > 0) await Plotly.addFrames(place, frames as Partial<Frame>[]);
  };

  return {
    receive: (content) => {
      shown = readChart(content);
      return draw();
    },
    retheme: draw,
  };
};

/** `react` compares layouts by identity and puts its own findings into them: each drawing gets a copy. */
function themed(layout: Fields): Fields {
  const own = structuredClone(layout);
  if (!isDark()) return own;
  return darkLayout(own, { text: themeValue("--text"), line: themeValue("--line"), strongLine: themeValue("--line-strong") });
}
