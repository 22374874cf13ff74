import { afterEach, describe, expect, it } from "vitest";
import { parseRoute, takeStartCode } from "../src/router";

describe("parseRoute", () => {
  it.each([
    ["/", { page: "list" }],
    ["/nb/abc-1_2", { page: "notebook", id: "abc-1_2" }],
    ["/nb/abc/", { page: "notebook", id: "abc" }],
    ["/nb/", { page: "unknown" }],
    ["/nb/a/b", { page: "unknown" }],
    [`/nb/${"x".repeat(65)}`, { page: "unknown" }],
  ])("%s", (path, route) => {
    expect(parseRoute(path)).toEqual(route);
  });
});

describe("takeStartCode", () => {
  afterEach(() => window.history.replaceState(null, "", "/"));

  it("gives the code once and removes it from the address", () => {
    window.history.replaceState(null, "", "/nb/abc#t=s3cret");
    expect(takeStartCode()).toBe("s3cret");
    expect(window.location.href).not.toContain("s3cret");
    expect(window.location.pathname).toBe("/nb/abc");
    expect(takeStartCode()).toBeNull();
  });
});
