// @vitest-environment happy-dom
// The hooks show the store's state, and render again only when it differs.
import { queries } from "@runt/schema";
import { act, createElement, type ReactNode, useState } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createStore, type Store } from "../src/index";
import { StoreProvider, useQuery, useStatus, useStore, useText } from "../src/react";
import { ManualClock, settle } from "./manual-clock";

let store: Store;
let renders: string[];
const place = document.createElement("div");

beforeEach(async () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  store = await createStore({ storeId: "nb", clock: new ManualClock() });
  renders = [];
});

afterEach(() => store.close());

async function show(component: () => ReactNode): Promise<() => Promise<void>> {
  const root = createRoot(place);
  await act(async () => root.render(createElement(StoreProvider, { store }, createElement(component))));
  return async () => act(async () => root.unmount());
}

it("renders rows, again only when they differ", async () => {
  const unmount = await show(() => {
    const rows = useQuery(queries.cells, {});
    renders.push(rows.map((row) => row.source).join());
    return createElement("p", null, String(rows.length));
  });
  expect(renders).toEqual([""]);
  await act(async () => {
    store.commit("v1.CellCreated", { cellId: "a", cellType: "code", position: "a0", source: "x" });
    await settle();
  });
  await act(async () => {
    store.commit("v1.CellSourceSet", { cellId: "a", source: "x" });
    store.commit("v1.ActorSet", { actorId: "b", kind: "human", name: "B" });
    await settle();
  });
  expect(renders).toEqual(["", "x"]);
  expect(place.textContent).toBe("1");
  await unmount();
});

it("does not follow what nobody sees, and shows how it is when somebody does", async () => {
  let look = (_state: { readonly follow: boolean }): void => {};
  const unmount = await show(() => {
    const [state, setState] = useState({ follow: false });
    look = setState;
    const rows = useQuery(queries.cells, {}, state);
    renders.push(rows.map((row) => row.source).join());
    return null;
  });
  await act(async () => {
    store.commit("v1.CellCreated", { cellId: "a", cellType: "code", position: "a0", source: "x" });
    await settle();
  });
  expect(renders).toEqual([""]);
  await act(async () => look({ follow: false }));
  expect(renders).toEqual(["", ""]);
  await act(async () => look({ follow: true }));
  expect(renders.at(-1)).toBe("x");
  const before = renders.length;
  await act(async () => {
    store.commit("v1.CellSourceSet", { cellId: "a", source: "y" });
    await settle();
  });
  expect(renders.slice(before)).toEqual(["y"]);
  await unmount();
});

it("shows status and text, and lends the store", async () => {
  const unmount = await show(() => {
    const { head, pending } = useStatus();
    return createElement("p", null, `${useStore() === store} ${head} ${pending} ${useText("o")}`);
  });
  expect(place.textContent).toBe("true 0 0 ");
  await act(async () => {
    store.commit("v1.ActorSet", { actorId: "b", kind: "human", name: "B" });
    await settle();
  });
  expect(place.textContent).toBe("true 1 0 ");
  await unmount();
});

it("says what is missing without a provider", () => {
  expect(() => act(() => createRoot(place).render(createElement(() => String(useStore().status.head))))).toThrow(
    "no StoreProvider stands above",
  );
});
