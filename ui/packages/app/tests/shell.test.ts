// The service worker answers for the app's own files alone.
import { describe, expect, it } from "vitest";
import { isAway, wanted } from "../src/offline/shell";

const ORIGIN = "http://127.0.0.1:8888";
const FILES = new Set(["/", "/assets/index-a1.js", "/icon.svg"]);

function ask(path: string, how: { readonly method?: string; readonly mode?: string; readonly origin?: string } = {}) {
  const { method = "GET", mode = "no-cors", origin = ORIGIN } = how;
  return wanted({ method, mode, url: origin + path }, ORIGIN, FILES);
}

describe("wanted", () => {
  it.each(["/", "/nb/abc", "/nb/abc/", "/?a=1", "/nb/abc#t=code"])("asks the server first for the page %s", (path) => {
    expect(ask(path, { mode: "navigate" })).toEqual({ from: "server, else kept", path: "/" });
  });

  it("gives a file whose name is its content from what is kept", () => {
    expect(ask("/assets/index-a1.js")).toEqual({ from: "kept", path: "/assets/index-a1.js" });
  });

  it("asks the server first for a file whose name says nothing of its content", () => {
    expect(ask("/icon.svg")).toEqual({ from: "server, else kept", path: "/icon.svg" });
  });

  it.each([
    "/api/me",
    "/api/notebooks",
    "/api/notebooks/abc/images/00",
    "/sync/abc",
    "/livestore",
    "/pyodide/index.json",
    "/assets/index-b2.js",
    "/assets/index-a1.js?other",
    "/service-worker.js",
    "/output-frame.html",
    "/runtime-frame.html",
    "/nb/a/b",
  ])("does not touch %s", (path) => {
    expect(ask(path)).toBe(null);
    expect(ask(path, { mode: "navigate" })).toBe(null);
  });

  it("does not touch what changes something, or is elsewhere", () => {
    expect(ask("/", { method: "POST", mode: "navigate" })).toBe(null);
    expect(ask("/", { mode: "navigate", origin: "https://elsewhere.example" })).toBe(null);
    expect(ask("/")).toBe(null);
  });
});

it("takes a gateway's answer for none", () => {
  expect([200, 404, 500, 502, 503, 504].map(isAway)).toEqual([false, false, false, true, true, true]);
});
