// Lines that running code asks for: a prompt and a field. A password is masked and goes to the runtime alone.
import { useState } from "react";
import type { NotebookCommands } from "./commands";
import { type InputRequestRow, usePendingInputs } from "./state";

export function InputRows({ executionId, commands }: { readonly executionId: string; readonly commands: NotebookCommands }) {
  const requests = usePendingInputs().filter((request) => request.executionId === executionId);
  return requests.map((request) => <InputRow key={request.id} request={request} commands={commands} />);
}

/** Take the focus for the line that code waits for, but not from somebody who works in another cell. */
function takeFocus(field: HTMLInputElement | null): void {
  const active = document.activeElement;
  const cell = field?.closest("[data-cell-id]");
  if (active === null || active === document.body || cell?.contains(active) === true) field?.focus({ preventScroll: true });
}

function InputRow({ request, commands }: { readonly request: InputRequestRow; readonly commands: NotebookCommands }) {
  const [sent, setSent] = useState(false);
  const password = request.password !== 0;
  return (
    <form
      className="input-row"
      data-testid="input-row"
      onSubmit={(event) => {
        event.preventDefault();
        const value = new FormData(event.currentTarget).get("value");
        setSent(true);
        void commands.reply(request.id, typeof value === "string" ? value : "", password).then((accepted) => {
          if (!accepted) setSent(false);
        });
      }}
    >
      <label>
        <span>{request.prompt === "" ? "Input:" : request.prompt}</span>
        <input name="value" type={password ? "password" : "text"} autoComplete="off" spellCheck={false} disabled={sent} ref={takeFocus} />
      </label>
      <button type="submit" className="button" disabled={sent}>
        {sent ? "Sent" : "Enter"}
      </button>
    </form>
  );
}
