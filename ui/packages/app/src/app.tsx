// The app's frame: nobody without a session gets further than a plain page; then the list or a notebook.
import type { Person } from "@runt/store";
import { lazy, Suspense, useEffect, useState } from "react";
import { ErrorBoundary } from "./error-boundary";
import { NotebookList } from "./list/notebook-list";
import { findPerson, PersonContext } from "./offline/person";
import { PlainPage } from "./plain-page";
import { parseRoute, usePath } from "./router";

const NotebookPage = lazy(() => import("./notebook/notebook-page"));

type Gate =
  | { readonly state: "asking" }
  | { readonly state: "out" }
  | { readonly state: "in"; readonly person: Person }
  | { readonly state: "failed"; readonly problem: string };

export function App({ startProblem }: { readonly startProblem: string | null }) {
  const [gate, setGate] = useState<Gate>({ state: "asking" });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    let current = true;
    const settle = (next: Gate) => {
      if (current) setGate(next);
    };
    // A new attempt asks again; the number itself says nothing.
    void attempt;
    findPerson().then(
      (person) => settle(person === null ? { state: "out" } : { state: "in", person }),
      (error: unknown) => settle({ state: "failed", problem: error instanceof Error ? error.message : String(error) }),
    );
    return () => {
      current = false;
    };
  }, [attempt]);

  if (gate.state === "asking") return <div className="plain-page" aria-busy="true" />;
  if (gate.state === "out") return <SignedOut problem={startProblem} />;
  if (gate.state === "failed") {
    return (
      <PlainPage title="The server does not answer">
        <p>{gate.problem}</p>
        <button type="button" className="button primary" onClick={() => setAttempt(attempt + 1)}>
          Try again
        </button>
      </PlainPage>
    );
  }
  return (
    <ErrorBoundary what="This page">
      <PersonContext value={gate.person}>
        <Pages />
      </PersonContext>
    </ErrorBoundary>
  );
}

function Pages() {
  const route = parseRoute(usePath());
  if (route.page === "list") return <NotebookList />;
  if (route.page === "unknown") {
    return (
      <PlainPage title="There is no such page">
        <p>
          <a href="/">Go to the notebooks</a>
        </p>
      </PlainPage>
    );
  }
  return (
    <Suspense fallback={<div className="plain-page" aria-busy="true" />}>
      <NotebookPage key={route.id} notebookId={route.id} />
    </Suspense>
  );
}

function SignedOut({ problem }: { readonly problem: string | null }) {
  return (
    <PlainPage title="Open the link that the command printed">
      <p data-testid="signed-out">
        This page needs the link that <code>runt notebook</code> or <code>runt serve</code> printed when it started. It works once; run the
        command again for a new one.
      </p>
      {problem !== null && (
        <p role="alert" className="problem">
          The link was not accepted: {problem}
        </p>
      )}
    </PlainPage>
  );
}
