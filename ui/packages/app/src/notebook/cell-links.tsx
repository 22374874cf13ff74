// Tracebacks that lead to cells: where one names a cell that still holds what ran, the name is a link to it.
import { createContext, type ReactNode, type RefObject, useContext, useEffect, useMemo, useSyncExternalStore } from "react";
import { cellReferences } from "../model/cell-links";
import { cellOfCount, runsOf, useStore, watchCells } from "./state";
import { useUi } from "./ui-state";

/** The links of one cell's outputs. */
interface Links {
  /** The cell that ran under this number, or null. */
  readonly find: (executionCount: number) => string | null;
  readonly go: (cellId: string) => void;
  readonly subscribe: (listener: () => void) => () => void;
  /** Another value when other cells can be found. */
  readonly state: () => string;
}

const NONE: Links = { find: () => null, go: () => {}, subscribe: () => () => {}, state: () => "" };
const LinksContext = createContext<Links>(NONE);

/** Makes the links of the outputs within, which an execution brought forth. */
export function CellLinks({ executionId, children }: { readonly executionId: string; readonly children: ReactNode }) {
  const store = useStore();
  const ui = useUi();
  const links = useMemo<Links>(
    () => ({
      find: (executionCount) => cellOfCount(store, executionId, executionCount),
      go: (cellId) => ui.select(cellId),
      subscribe: (listener) => watchCells(store, listener),
      state: () => runsOf(store),
    }),
    [store, ui, executionId],
  );
  return <LinksContext value={links}>{children}</LinksContext>;
}

/** Make links of the cells that a drawn traceback names. It is drawn anew when people unfold it. */
export function useCellLinks(root: RefObject<HTMLElement | null>, text: string): void {
  const links = useContext(LinksContext);
  const state = useSyncExternalStore(links.subscribe, links.state);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `text` and `state` say when the drawn text, or what is found, is another.
  useEffect(() => {
    const element = root.current;
    if (element === null || links === NONE) return;
    const observer = new MutationObserver(() => link());
    const link = () => {
      linkCells(element, links);
      observer.takeRecords();
    };
    observer.observe(element, { childList: true, subtree: true });
    link();
    return () => observer.disconnect();
  }, [root, links, text, state]);
}

/** Wrap the names of cells in the text below an element, once; a link whose cell is gone becomes text again. */
export function linkCells(root: HTMLElement, { find, go }: Pick<Links, "find" | "go">): void {
  for (const link of root.querySelectorAll<HTMLElement>(".cell-link")) {
    if (find(Number(link.dataset.count)) === null) link.replaceWith(...link.childNodes);
  }
  for (const block of root.querySelectorAll<HTMLElement>(".terminal-block")) {
    for (const { from, to, executionCount, line } of cellReferences(block.textContent ?? "")) {
      const range = rangeOf(block, from, to);
      if (range === null || find(executionCount) === null || isLinked(range)) continue;
      const link = document.createElement("button");
      link.type = "button";
      link.className = "cell-link";
      link.dataset.count = String(executionCount);
      link.title = line === null ? "Go to the cell" : `Go to the cell; line ${line} of it is meant`;
      link.append(range.extractContents());
      range.insertNode(link);
      link.addEventListener("click", () => {
        const cellId = find(executionCount);
        if (cellId !== null) go(cellId);
      });
    }
  }
}

function isLinked(range: Range): boolean {
  const { startContainer: start } = range;
  return (start instanceof Element ? start : start.parentElement)?.closest(".cell-link") != null;
}

/** The range of a stretch of an element's text. */
function rangeOf(element: HTMLElement, from: number, to: number): Range | null {
  const range = document.createRange();
  const nodes = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let at = 0;
  let begun = false;
  for (let node = nodes.nextNode(); node !== null; node = nodes.nextNode()) {
    const length = node.textContent?.length ?? 0;
    if (!begun && from < at + length) {
      range.setStart(node, from - at);
      begun = true;
    }
    if (begun && to <= at + length) {
      range.setEnd(node, to - at);
      return range;
    }
    at += length;
  }
  return null;
}
