// JSON values as a tree that opens level by level; text that is no JSON is shown as it came.
import { type ReactNode, useState } from "react";
import { parseJson } from "../model/mime";

const FIRST_SHOWN = 100;

export function JsonOutput({ source }: { readonly source: string }) {
  const value = parseJson(source);
  return (
    <div className="json" data-testid="output-json">
      {value === undefined ? <pre>{source}</pre> : <Value value={value} open />}
    </div>
  );
}

function Value({ name, value, open = false }: { readonly name?: string; readonly value: unknown; readonly open?: boolean }) {
  const label: ReactNode = name === undefined ? null : <span className="json-key">{name}: </span>;
  if (typeof value !== "object" || value === null) {
    return (
      <div className="json-leaf">
        {label}
        <span className={`json-${value === null ? "null" : typeof value}`}>{JSON.stringify(value)}</span>
      </div>
    );
  }
  return <Branch label={label} value={value} open={open} />;
}

function Branch({ label, value, open }: { readonly label: ReactNode; readonly value: object; readonly open: boolean }) {
  const [isOpen, setOpen] = useState(open);
  const [shown, setShown] = useState(FIRST_SHOWN);
  const entries = Object.entries(value);
  const summary = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {label}
        <span className="json-size">{summary}</span>
      </summary>
      {isOpen && (
        <div className="json-children">
          {entries.slice(0, shown).map(([key, child]) => (
            <Value key={key} name={key} value={child} />
          ))}
          {entries.length > shown && (
            <button type="button" className="link-button" onClick={() => setShown(shown * 10)}>
              Show {Math.min(shown * 9, entries.length - shown)} more
            </button>
          )}
        </div>
      )}
    </details>
  );
}
