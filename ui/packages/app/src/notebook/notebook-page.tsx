// Opens a notebook's store and keeps it for as long as its page is shown.
import { createStore, type Store } from "@runt/store";
import { StoreProvider, useStatus } from "@runt/store/react";
import { useEffect, useMemo, useState } from "react";
import wasmUrl from "sql.js/dist/sql-wasm.wasm?url";
import { notebookExists } from "../api";
import { PlainPage } from "../plain-page";
import { NotebookView } from "./notebook-view";
import { NotebookIdContext } from "./state";
import { NotebookUi, UiContext } from "./ui-state";
import { WidgetsProvider } from "./widgets";

export default function NotebookPage({ notebookId }: { readonly notebookId: string }) {
  const [store, setStore] = useState<Store | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const ui = useMemo(() => new NotebookUi(), []);

  useEffect(() => {
    let opened: Store | null = null;
    let wanted = true;
    createStore({ storeId: notebookId, url: window.location.origin, wasm: wasmUrl }).then(
      (made) => {
        opened = made;
        if (wanted) setStore(made);
        else made.close();
      },
      (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)),
    );
    // A browser does not say why a WebSocket was refused; this does. Without an answer the store goes on trying.
    notebookExists(notebookId).then(
      (exists) => {
        if (wanted && !exists) setProblem("There is no such notebook: it was deleted, or the address is wrong.");
      },
      () => {},
    );
    const reconnect = () => opened?.reconnect();
    window.addEventListener("online", reconnect);
    return () => {
      wanted = false;
      window.removeEventListener("online", reconnect);
      // After the view's own cleanup, which commits edits that wait.
      queueMicrotask(() => opened?.close());
    };
  }, [notebookId]);

  if (problem !== null) return <CannotOpen problem={problem} />;
  if (store === null) return <Opening />;
  return (
    <StoreProvider store={store}>
      <NotebookIdContext value={notebookId}>
        <UiContext value={ui}>
          <WidgetsProvider>
            <WhenThere />
          </WidgetsProvider>
        </UiContext>
      </NotebookIdContext>
    </StoreProvider>
  );
}

/** A notebook has at least the event that gave it its title: before that came, nothing is known of it. */
function WhenThere() {
  const { head, problem } = useStatus();
  if (head > 0) return <NotebookView />;
  return problem === null ? <Opening /> : <CannotOpen problem={problem} />;
}

function Opening() {
  return (
    <div className="plain-page" aria-busy="true">
      <p className="output-note" role="status">
        Opening…
      </p>
    </div>
  );
}

function CannotOpen({ problem }: { readonly problem: string }) {
  return (
    <PlainPage title="This notebook cannot be opened">
      <p role="alert">{problem}</p>
      <p>
        <a href="/">All notebooks</a>
      </p>
    </PlainPage>
  );
}
