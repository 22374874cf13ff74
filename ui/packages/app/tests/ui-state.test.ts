import { describe, expect, it } from "vitest";
import { NotebookUi } from "../src/notebook/ui-state";

describe("NotebookUi", () => {
  it("brings a cell into view when it is selected, not when its editor merely loses the focus", () => {
    const ui = new NotebookUi();
    ui.edit("a");
    const before = ui.get().revealed;
    ui.leave("a");
    expect(ui.get()).toMatchObject({ selectedId: "a", mode: "command", revealed: before });
    ui.select("a");
    expect(ui.get().revealed).toEqual({ id: "a", count: before.count + 1 });
  });

  it("leaves alone a cell that is no longer the one being edited", () => {
    const ui = new NotebookUi();
    ui.edit("a");
    ui.edit("b");
    ui.leave("a");
    expect(ui.get()).toMatchObject({ selectedId: "b", mode: "edit" });
  });

  it("does not move the page when somebody points at a cell", () => {
    const ui = new NotebookUi();
    ui.point("a");
    expect(ui.get()).toMatchObject({ selectedId: "a", mode: "command", revealed: { id: null, count: 0 } });
  });

  it("says a notice once and keeps the last four", () => {
    const ui = new NotebookUi();
    for (const text of ["1", "2", "2", "3", "4", "5"]) ui.notify(text);
    expect(ui.get().notices.map((notice) => notice.text)).toEqual(["2", "3", "4", "5"]);
  });
});
