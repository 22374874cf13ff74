import type { Bundle } from "@runt/schema";
import { describe, expect, it } from "vitest";
import { choose, isText, metadataOf, parseBundle } from "../src/model/mime";

const inline = (data: string) => ({ type: "inline", data }) as const;
const bundle = (...mimes: string[]): Bundle => Object.fromEntries(mimes.map((mime) => [mime, inline(mime)]));

describe("choose", () => {
  it.each([
    [["text/plain", "text/html"], "text/html", "html"],
    [["text/plain", "image/png"], "image/png", "image"],
    [["text/plain", "image/png", "image/svg+xml"], "image/svg+xml", "image"],
    [["text/plain", "text/latex"], "text/latex", "latex"],
    [["text/plain", "application/json"], "application/json", "json"],
    [["text/plain", "text/html", "application/vnd.plotly.v1+json"], "application/vnd.plotly.v1+json", "plotly"],
    [["text/plain", "application/vnd.vegalite.v5+json", "image/png"], "application/vnd.vegalite.v5+json", "vega"],
    [["text/html", "application/vnd.vegalite.v6+json"], "application/vnd.vegalite.v6+json", "vega"],
    [["text/plain", "application/x-unknown"], "text/plain", "text"],
    [["text/html", "application/vnd.jupyter.widget-view+json"], "application/vnd.jupyter.widget-view+json", "widget"],
    [["application/vnd.vega.v5+json"], "application/vnd.vega.v5+json", "vega"],
    [["application/vnd.x.v5+json"], "application/vnd.x.v5+json", "json"],
    [["application/x-unknown"], "application/x-unknown", "text"],
  ])("of %j draws %s", (mimes, mime, renderer) => {
    expect(choose(bundle(...mimes))).toMatchObject({ mime, renderer });
  });

  it("has nothing to draw of an empty bundle", () => {
    expect(choose({})).toBeNull();
  });
});

describe("parseBundle", () => {
  it("keeps inline and artifact representations and drops what is neither", () => {
    const text = JSON.stringify({
      "text/plain": inline("x"),
      "image/png": { type: "artifact", sha256: "ab", sizeBytes: 3 },
      "text/html": "bare",
    });
    expect(parseBundle(text)).toEqual({ "text/plain": inline("x"), "image/png": { type: "artifact", sha256: "ab", sizeBytes: 3 } });
  });

  it.each(["", "[]", "null", "{"])("refuses %j", (text) => {
    expect(parseBundle(text)).toBeNull();
  });
});

describe("metadataOf", () => {
  it("finds the metadata of a type", () => {
    expect(metadataOf(JSON.stringify({ "image/png": { width: 3 } }), "image/png")).toEqual({ width: 3 });
  });

  it.each([null, "", "[]", "null", '{"image/png": 3}'])("of %j are none", (text) => {
    expect(metadataOf(text, "image/png")).toEqual({});
  });
});

describe("isText", () => {
  it("follows runtime_schema.media", () => {
    expect(["text/html", "application/json", "image/svg+xml", "application/vnd.x+json"].every(isText)).toBe(true);
    expect(["image/png", "application/pdf", "application/octet-stream"].some(isText)).toBe(false);
  });
});
