// The widget manager of one frame: makes models of the comms that the app hands in, and views of them.
import * as base from "@jupyter-widgets/base";
import { ManagerBase } from "@jupyter-widgets/base-manager";
import * as controls from "@jupyter-widgets/controls";
import * as anywidget from "./anywidget";
import { asHeard, FrameComm, type FrameMessage } from "./comm";
import * as missing from "./missing";
import * as output from "./output-widget";
import type { Renderers } from "./renderers";

const MODULES: Readonly<Record<string, object>> = {
  "@jupyter-widgets/base": base,
  "@jupyter-widgets/controls": controls,
  "@jupyter-widgets/output": output,
  anywidget,
};

export class FrameManager extends ManagerBase {
  /** For charts among captured outputs. */
  readonly renderers: Renderers;
  readonly #say: (message: FrameMessage) => void;
  readonly #comms = new Map<string, FrameComm>();

  constructor(say: (message: FrameMessage) => void, renderers: Renderers) {
    super();
    this.#say = say;
    this.renderers = renderers;
  }

  /** Hear what was said of a comm. An `open` of one that is open brings it up to date. */
  hear(message: FrameMessage): void {
    const known = this.#comms.get(message.commId);
    if (message.kind === "close") {
      this.#comms.delete(message.commId);
      known?.hear(message);
    } else if (message.kind === "msg") {
      known?.hear(message);
    } else if (known !== undefined) {
      known.hear({ ...message, kind: "msg", data: { ...message.data, method: "update" } });
    } else if (message.targetName === "jupyter.widget") {
      const comm = new FrameComm(message.commId, this.#say);
      this.#comms.set(message.commId, comm);
      // A model that cannot be made is shown as an error where it is viewed.
      this.handle_comm_open(comm, asHeard(message) as never).catch(() => {});
    }
  }

  /** Put a view of a model into an element. */
  async show(modelId: string, place: HTMLElement): Promise<base.DOMWidgetView> {
    const view = await this.create_view<base.DOMWidgetView>(await this.get_model(modelId));
    attach(view, place);
    return view;
  }

  protected override async loadClass(className: string, moduleName: string): Promise<typeof base.WidgetModel | typeof base.WidgetView> {
    const module = MODULES[moduleName] as Record<string, typeof base.WidgetModel> | undefined;
    return module?.[className] ?? missing.classFor(className, moduleName);
  }

  protected override _create_comm(): Promise<base.IClassicComm> {
    return Promise.reject(new Error("Widgets are made in the runtime, not in the page."));
  }

  protected override _get_comm_info(): Promise<Record<string, never>> {
    return Promise.resolve({});
  }
}

/** Lumino tells a view that it is in the document when it is attached so. */
export function attach(view: base.DOMWidgetView, place: HTMLElement): void {
  base.JupyterLuminoWidget.attach(view.luminoWidget, place);
}
