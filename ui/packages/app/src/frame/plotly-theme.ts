// How a plotly figure looks in a dark page. A figure whose author chose a look keeps it. Pure.
import { isFields } from "./chart";

export type Fields = Readonly<Record<string, unknown>>;

/** Colours of the page as CSS. */
export interface PageColours {
  readonly text: string;
  readonly line: string;
  readonly strongLine: string;
}

const CLEAR = "rgba(0,0,0,0)";
/** The papers of plotly's own default template. */
const DEFAULT_PAPERS: readonly unknown[] = [undefined, "white", "#E5ECF6"];
const AXIS = /^[xyz]axis$|^(?:angular|radial|a|b|c)axis$/;

/** Give a layout the colours of a dark page where its author left them to plotly. */
export function darkLayout(layout: Fields, colours: PageColours): Fields {
  const template = isFields(layout.template) ? layout.template : {};
  const look = isFields(template.layout) ? template.layout : {};
  if (!DEFAULT_PAPERS.includes(look.paper_bgcolor) || !DEFAULT_PAPERS.includes(look.plot_bgcolor)) return layout;
  return { ...layout, template: { ...template, layout: darkLook(look, colours) } };
}

function darkLook(look: Fields, colours: PageColours): Fields {
  const axis = { gridcolor: colours.line, linecolor: colours.strongLine, zerolinecolor: colours.strongLine };
  const plain = withAxes(look, axis, ["xaxis", "yaxis"]);
  const scene = isFields(look.scene) ? look.scene : {};
  const polar = isFields(look.polar) ? look.polar : {};
  const ternary = isFields(look.ternary) ? look.ternary : {};
  const geo = isFields(look.geo) ? look.geo : {};
  return {
    ...plain,
    font: { ...(isFields(look.font) ? look.font : {}), color: colours.text },
    paper_bgcolor: CLEAR,
    plot_bgcolor: CLEAR,
    scene: withAxes(scene, { ...axis, backgroundcolor: CLEAR }, ["xaxis", "yaxis", "zaxis"]),
    polar: { ...withAxes(polar, axis, ["angularaxis", "radialaxis"]), bgcolor: CLEAR },
    ternary: { ...withAxes(ternary, axis, ["aaxis", "baxis", "caxis"]), bgcolor: CLEAR },
    geo: { ...geo, bgcolor: CLEAR, lakecolor: CLEAR, landcolor: colours.line, subunitcolor: colours.strongLine },
  };
}

function withAxes(fields: Fields, axis: Fields, names: readonly string[]): Fields {
  const known = Object.keys(fields).filter((name) => AXIS.test(name));
  const axes = [...new Set([...known, ...names])].map((name) => {
    const own = fields[name];
    return [name, { ...(isFields(own) ? own : {}), ...axis }];
  });
  return { ...fields, ...Object.fromEntries(axes) };
}
