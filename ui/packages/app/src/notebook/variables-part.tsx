// The variables of the runtime: listed in its panel, and asked for again whenever an execution has ended.
import { useEffect, useRef, useState } from "react";
import { readVariables, type Variable } from "../model/live-answers";
import { FEW_VARIABLES, listed } from "../model/variables";
import { useAsk, useQueue } from "./state";

const SETTLED_MS = 150;

type Known = { readonly variables: readonly Variable[] } | { readonly problem: string };

export function VariablesPart() {
  const known = useVariables();
  const [wanted, setWanted] = useState("");
  const variables = known !== null && "variables" in known ? known.variables : [];
  const { rows, more } = listed(variables, variables.length > FEW_VARIABLES ? wanted : "");
  return (
    <section className="popover-part variables" aria-label="Variables" data-testid="variables">
      <h2>Variables {variables.length > 0 && <span className="variables-count">{variables.length.toLocaleString("en")}</span>}</h2>
      {known === null && <p className="output-note">Asking the runtime…</p>}
      {known !== null && "problem" in known && <p className="output-note">They cannot be listed. {known.problem}</p>}
      {known !== null && "variables" in known && variables.length === 0 && (
        <p className="output-note">None yet. What code cells assign is listed here.</p>
      )}
      {variables.length > FEW_VARIABLES && (
        <input
          type="search"
          className="variables-filter"
          aria-label="Find a variable"
          placeholder="Name or type"
          spellCheck={false}
          value={wanted}
          onChange={(event) => setWanted(event.currentTarget.value)}
        />
      )}
      {rows.length > 0 && <Rows rows={rows} />}
      {variables.length > 0 && rows.length === 0 && <p className="output-note">None has this in its name or type.</p>}
      {more > 0 && <p className="output-note">{more.toLocaleString("en")} more are not shown: look for one by its name.</p>}
    </section>
  );
}

function Rows({ rows }: { readonly rows: readonly Variable[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable by keyboard.
    <section className="variables-box" tabIndex={0} aria-label="List of variables">
      <table>
        <thead className="visually-hidden">
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Type</th>
            <th scope="col">Value</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, type, summary }) => (
            <tr key={name} data-testid="variable">
              <th scope="row" title={name}>
                {name}
              </th>
              <td className="variable-type" title={type}>
                {type}
              </td>
              <td title={summary}>{summary}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Null until the runtime has answered. What is known stays in sight while it is asked again. */
function useVariables(): Known | null {
  const ask = useAsk();
  const [known, setKnown] = useState<Known | null>(null);
  // Another text when an execution starts or ends: what ended may have changed them.
  const open = useQueue()
    .map((execution) => execution.id)
    .join();
  const asked = useRef(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `open` says when to ask again.
  useEffect(() => {
    const update = async () => {
      asked.current += 1;
      const number = asked.current;
      const answer = await ask("variables");
      if (number === asked.current) setKnown("data" in answer ? { variables: readVariables(answer.data) } : answer);
    };
    // Cells that end one right after another are one reason to ask.
    const timer = setTimeout(() => void update(), asked.current === 0 ? 0 : SETTLED_MS);
    return () => clearTimeout(timer);
  }, [ask, open]);
  return known;
}
