// The keys of the notebook, from the table that makes them work.
import { Dialog } from "../dialog";
import { BINDINGS, type Binding, EDITOR_KEYS, keyCaps, type Mode } from "../model/keyboard";

const MAC = /Mac|iPhone|iPad/.test(navigator.userAgent);

const only = (mode: Mode) => BINDINGS.filter(({ modes }) => modes.length === 1 && modes[0] === mode);

const GROUPS: readonly { readonly title: string; readonly keys: readonly Pick<Binding, "keys" | "label">[] }[] = [
  { title: "Always", keys: BINDINGS.filter(({ modes }) => modes.length === 2) },
  { title: "While editing", keys: [...only("edit"), ...EDITOR_KEYS] },
  { title: "With a cell selected", keys: only("command") },
];

export function HelpDialog({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose} wide testId="help">
      <div className="keys">
        {GROUPS.map((group) => (
          <section key={group.title} className="keys-group">
            <h3>{group.title}</h3>
            <dl>
              {group.keys.map((binding) => (
                <div key={binding.label} className="keys-row">
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
