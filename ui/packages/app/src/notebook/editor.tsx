// A CodeMirror editor for one cell's draft. It is given its text once; later remote changes come as minimal transactions.
import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches } from "@codemirror/search";
import { Annotation, Compartment, EditorState, type Extension, Transaction } from "@codemirror/state";
import { drawSelection, dropCursor, EditorView, type KeyBinding, keymap, placeholder, ViewPlugin } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { useEffect, useRef } from "react";
import { minimalChange, type SourceDraft } from "../model/source-sync";
import { codeCompletion, isCompleting } from "./code-completion";
import { closeInspection, codeInspection, isInspecting } from "./code-inspection";
import type { Ask } from "./state";
import type { CaretPlace } from "./ui-state";

const Remote = Annotation.define<true>();

export interface EditorProps {
  readonly draft: SourceDraft;
  /** The source in the store; when it differs from the draft, the draft decides which is shown. */
  readonly source: string;
  readonly cellType: string;
  readonly label: string;
  readonly editing: boolean;
  readonly takeCaretPlace: () => CaretPlace;
  /** Asks the runtime about code. */
  readonly ask: Ask;
  readonly onFocus: () => void;
  readonly onBlur: () => void;
  /** The caret left over the first (-1) or last (1) line; returns whether there is a cell to go to. */
  readonly onEdge: (direction: -1 | 1) => boolean;
}

export function Editor(props: EditorProps) {
  const { draft, source, cellType, label, editing, ask } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const language = useRef(new Compartment());
  const latest = useRef(props);

  useEffect(() => {
    latest.current = props;
  });

  useEffect(() => {
    const parent = host.current;
    if (parent === null) return;
    const editor = new EditorView({
      parent,
      state: EditorState.create({ doc: draft.text, extensions: [extensions(latest, draft), language.current.of([])] }),
    });
    view.current = editor;
    return () => {
      editor.destroy();
      view.current = null;
    };
  }, [draft]);

  useEffect(() => {
    let current = true;
    void languageExtensions(cellType, label, ask).then((loaded) => {
      if (current) view.current?.dispatch({ effects: language.current.reconfigure(loaded) });
    });
    return () => {
      current = false;
    };
  }, [cellType, label, ask]);

  useEffect(() => {
    draft.receive(source);
    const editor = view.current;
    const change = editor === null ? null : minimalChange(editor.state.doc.toString(), draft.text);
    if (editor !== null && change !== null) {
      editor.dispatch({ changes: change, annotations: [Remote.of(true), Transaction.addToHistory.of(false)] });
    }
  }, [draft, source]);

  useEffect(() => {
    const editor = view.current;
    if (editor === null || !editing) return;
    if (!editor.hasFocus) editor.focus();
    const place = latest.current.takeCaretPlace();
    if (place !== "keep") editor.dispatch({ selection: { anchor: place === "start" ? 0 : editor.state.doc.length }, scrollIntoView: true });
  }, [editing]);

  return <div className="editor" ref={host} />;
}

/** The editor whose text contains an element, if any. */
export function editorAt(element: Element | null): EditorView | null {
  const editor = element?.closest<HTMLElement>(".cm-editor") ?? null;
  return editor === null ? null : EditorView.findFromDOM(editor);
}

/** Tell whether an Escape there closes something in the editor and does not leave it. */
export function hasPopup(element: Element | null): boolean {
  const state = editorAt(element)?.state;
  return state !== undefined && (isCompleting(state) || isInspecting(state));
}

function extensions(latest: { readonly current: EditorProps }, draft: SourceDraft): Extension {
  return [
    history(),
    drawSelection(),
    dropCursor(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    highlightSelectionMatches({ minSelectionLength: 2 }),
    syntaxHighlighting(classHighlighter),
    EditorState.allowMultipleSelections.of(true),
    EditorState.tabSize.of(4),
    indentUnit.of("    "),
    keymap.of([
      edge("ArrowUp", -1, latest),
      edge("ArrowDown", 1, latest),
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...historyKeymap,
      indentWithTab,
    ]),
    EditorView.updateListener.of((update) => {
      const typed = update.transactions.some((transaction) => transaction.docChanged && transaction.annotation(Remote) !== true);
      if (typed) draft.edit(update.state.doc.toString());
    }),
    EditorView.domEventHandlers({ focus: () => latest.current.onFocus() }),
    // Its tooltips are part of the editor: they have their own place for the focus.
    ViewPlugin.define((view) => {
      const leave = ({ relatedTarget }: FocusEvent) => {
        if (relatedTarget instanceof Node && view.dom.contains(relatedTarget)) return;
        closeInspection(view);
        latest.current.onBlur();
      };
      view.dom.addEventListener("focusout", leave);
      return { destroy: () => view.dom.removeEventListener("focusout", leave) };
    }),
  ];
}

function edge(key: string, direction: -1 | 1, latest: { readonly current: EditorProps }): KeyBinding {
  return {
    key,
    run: ({ state }) => {
      const { main } = state.selection;
      if (!main.empty || state.selection.ranges.length > 1) return false;
      const line = state.doc.lineAt(main.head).number;
      return line === (direction < 0 ? 1 : state.doc.lines) && latest.current.onEdge(direction);
    },
  };
}

async function languageExtensions(cellType: string, label: string, ask: Ask): Promise<Extension> {
  const common = EditorView.contentAttributes.of({ "aria-label": label, "data-testid": "cell-editor" });
  if (cellType === "code") return [common, python(), codeCompletion(ask), codeInspection(ask)];
  if (cellType !== "markdown") return [common, EditorView.lineWrapping];
  const { markdown } = await import("@codemirror/lang-markdown");
  return [common, EditorView.lineWrapping, markdown(), placeholder("Markdown: text, **bold**, $x^2$, tables")];
}
