// The Output widget: outputs that the runtime captured, drawn among other widgets.
import { OutputView as EmptyOutputView, OutputModel } from "@jupyter-widgets/output";
import { drawOutput } from "./captured-output";
import type { FrameManager } from "./manager";

export { OutputModel };

export class OutputView extends EmptyOutputView {
  #shown: readonly unknown[] = [];

  override render(): void {
    super.render();
    this.el.classList.add("jupyter-widgets", "widget-output", "outputs");
    this.listenTo(this.model, "change:outputs", () => this.#draw());
    this.#draw();
  }

  /** Outputs grow at their end: what did not change stays as it is. */
  #draw(): void {
    const outputs: readonly unknown[] = this.model.get("outputs") ?? [];
    const same = outputs.findIndex((output, at) => JSON.stringify(output) !== JSON.stringify(this.#shown[at]));
    const from = same === -1 ? outputs.length : same;
    while (this.el.children.length > from) this.el.lastChild?.remove();
    // The manager of this view's model is the frame's: it made it.
    const manager = this.model.widget_manager as unknown as FrameManager;
    for (const output of outputs.slice(from)) this.el.append(drawOutput(output, manager, this.displayed));
    this.#shown = outputs;
  }
}
