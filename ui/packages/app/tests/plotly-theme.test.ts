import { describe, expect, it } from "vitest";
import { darkLayout } from "../src/frame/plotly-theme";

const colours = { text: "white", line: "grey", strongLine: "silver" };
const plain = { layout: { paper_bgcolor: "white", plot_bgcolor: "#E5ECF6", font: { color: "#2a3f5f", size: 12 } } };

describe("darkLayout", () => {
  it("gives plotly's own look the page's colours and keeps the rest", () => {
    const { title, template } = darkLayout({ title: { text: "Bars" }, template: plain }, colours) as {
      title: unknown;
      template: { layout: Record<string, unknown> };
    };
    expect(title).toEqual({ text: "Bars" });
    expect(template.layout.font).toEqual({ color: "white", size: 12 });
    expect(template.layout.paper_bgcolor).toBe("rgba(0,0,0,0)");
    expect(template.layout.xaxis).toEqual({ gridcolor: "grey", linecolor: "silver", zerolinecolor: "silver" });
  });

  it("gives a figure without a template one", () => {
    expect(darkLayout({}, colours)).toMatchObject({ template: { layout: { font: { color: "white" } } } });
  });

  it("leaves a look alone that somebody chose", () => {
    const chosen = { template: { layout: { paper_bgcolor: "rgb(17,17,17)", plot_bgcolor: "rgb(17,17,17)" } } };
    expect(darkLayout(chosen, colours)).toBe(chosen);
  });

  it("changes what stands in the template only, so that colours of the figure itself win", () => {
    expect(darkLayout({ paper_bgcolor: "ivory", template: plain }, colours)).toMatchObject({ paper_bgcolor: "ivory" });
  });
});
