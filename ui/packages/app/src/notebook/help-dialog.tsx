// The keys of the notebook, from the table that makes them work.
import { Dialog } from "../dialog";
import { BINDINGS, type Binding, keyCaps } from "../model/keyboard";

const MAC = /Mac|iPhone|iPad/.test(navigator.userAgent);

const GROUPS: readonly { readonly title: string; readonly has: (binding: Binding) => boolean }[] = [
  { title: "Always", has: (binding) => binding.modes.length === 2 },
  { title: "While editing", has: (binding) => binding.modes.length === 1 && binding.modes[0] === "edit" },
  { title: "With a cell selected", has: (binding) => binding.modes.length === 1 && binding.modes[0] === "command" },
];

export function HelpDialog({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose} wide testId="help">
      <div className="keys">
        {GROUPS.map((group) => (
          <section key={group.title} className="keys-group">
            <h3>{group.title}</h3>
            <dl>
              {BINDINGS.filter(group.has).map((binding) => (
                <div key={binding.command} className="keys-row">
                  <dt>{binding.label}</dt>
                  <dd>
                    <Keys keys={binding.keys.slice(0, 2)} />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

function Keys({ keys }: { readonly keys: readonly string[] }) {
  return keys.map((key, at) => (
    <span key={key}>
      {at > 0 && " or "}
      {keyCaps(key, MAC).map((cap) => (
        <kbd key={cap.id}>{cap.text}</kbd>
      ))}
    </span>
  ));
}
