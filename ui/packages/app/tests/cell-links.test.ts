import { describe, expect, it } from "vitest";
import { cellReferences } from "../src/model/cell-links";
import { terminalLines } from "../src/model/terminal";
import { linkCells } from "../src/notebook/cell-links";
import { drawLines } from "../src/outputs/terminal-dom";

const TRACEBACK =
  "\u001b[36mCell\u001b[39m\u001b[36m \u001b[39m\u001b[32mIn[7]\u001b[39m\u001b[32m, line 4\u001b[39m\n----> 4 f()\n\u001b[36mCell In[3]\u001b[39m, line 1, in f()";

function traceback(): HTMLElement {
  const root = document.createElement("div");
  const block = root.appendChild(document.createElement("div"));
  block.className = "terminal-block";
  block.append(drawLines(terminalLines(TRACEBACK)));
  return root;
}

const links = (root: HTMLElement) => [...root.querySelectorAll<HTMLElement>(".cell-link")];

describe("cellReferences", () => {
  it("finds counts and lines", () => {
    expect(cellReferences("File x.py:9\nCell In[3], line 12, in f()\nCell In [4]")).toEqual([
      { from: 12, to: 31, executionCount: 3, line: 12 },
      { from: 40, to: 51, executionCount: 4, line: null },
    ]);
    expect(cellReferences("In[3] = 1, MyCell In[2]")).toEqual([]);
  });
});

describe("linkCells", () => {
  it("makes links of the cells that are there, across colours, and leaves the text as it is", () => {
    const root = traceback();
    const before = root.textContent;
    const gone: string[] = [];
    const found = { find: (count: number) => (count === 7 ? "c7" : null), go: (cellId: string) => gone.push(cellId) };
    linkCells(root, found);
    linkCells(root, found);
    expect(links(root).map((link) => [link.textContent, link.title])).toEqual([
      ["Cell In[7], line 4", "Go to the cell; line 4 of it is meant"],
    ]);
    expect(root.textContent).toBe(before);
    links(root)[0]?.click();
    expect(gone).toEqual(["c7"]);
  });

  it("takes a link away when its cell is gone, and makes it when it is found", () => {
    const root = traceback();
    linkCells(root, { find: String, go: () => {} });
    expect(links(root).length).toBe(2);
    linkCells(root, { find: (count) => (count === 3 ? "c" : null), go: () => {} });
    expect(links(root).map((link) => link.textContent)).toEqual(["Cell In[3], line 1"]);
    expect(root.textContent).toBe(traceback().textContent);
  });
});
