import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { latexAsMarkdown } from "../src/outputs/lazy-markdown";
import MarkdownView from "../src/outputs/markdown";

const draw = (source: string, attachments?: string) => {
  const root = document.createElement("div");
  root.innerHTML = renderToStaticMarkup(<MarkdownView source={source} attachments={attachments ?? null} />);
  return root;
};

describe("MarkdownView", () => {
  it("draws tables, task lists and math", () => {
    const root = draw("| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n\n$x^2$");
    expect(root.querySelectorAll("td")).toHaveLength(2);
    expect(root.querySelector("input[type=checkbox]")).not.toBeNull();
    expect(root.querySelector(".katex")).not.toBeNull();
  });

  it("lets no raw HTML into the page", () => {
    const root = draw('<img src=x onerror="alert(1)"><script>alert(1)</script>\n\n<div onclick="x()">text</div>');
    expect(root.querySelector("img, script, [onclick], [onerror]")).toBeNull();
  });

  it.each(["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x"])("makes a link to %s inert", (target) => {
    expect(draw(`[click](${target})`).querySelector("a")?.getAttribute("href") ?? "").toBe("");
  });

  it("opens other sites in a new tab that knows nothing of this one", () => {
    const link = draw("[x](https://example.org)").querySelector("a");
    expect(link?.getAttribute("rel")).toBe("noopener noreferrer");
    expect(link?.getAttribute("target")).toBe("_blank");
  });

  it("shows attached images and makes images of other sites links", () => {
    const attachments = JSON.stringify({ "a.png": { "image/png": "AAAA" } });
    expect(draw("![one](attachment:a.png)", attachments).querySelector("img")?.getAttribute("src")).toBe("data:image/png;base64,AAAA");
    const remote = draw("![two](https://example.org/x.png)");
    expect(remote.querySelector("img")).toBeNull();
    expect(remote.querySelector("a")?.getAttribute("href")).toBe("https://example.org/x.png");
  });

  it("shows broken math instead of failing", () => {
    expect(draw("$\\frac{$").textContent).toContain("\\frac{");
  });
});

describe("latexAsMarkdown", () => {
  it.each([
    ["$\\displaystyle x$", "$\\displaystyle x$"],
    ["$$x$$", "$$\nx\n$$"],
    ["\\begin{equation}x\\end{equation}", "$$\n\\begin{equation}x\\end{equation}\n$$"],
    ["\\[ x \\]", "$$\nx\n$$"],
  ])("%j", (source, markdown) => {
    expect(latexAsMarkdown(source)).toBe(markdown);
  });
});
