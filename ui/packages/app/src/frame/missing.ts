// Stands in for widgets whose code is not part of the app: only packages of their own JavaScript have such.
import { DOMWidgetModel, DOMWidgetView, type WidgetModel, type WidgetView } from "@jupyter-widgets/base";

/** A class that says what is missing where the widget would be. */
export function classFor(className: string, moduleName: string): typeof WidgetModel | typeof WidgetView {
  if (className.endsWith("Model")) return DOMWidgetModel;
  return class MissingView extends DOMWidgetView {
    override render(): void {
      this.el.classList.add("output-note");
      this.el.textContent = `The code of this widget, ${moduleName}, is not part of this app: of other packages' widgets, those made with anywidget work.`;
    }
  };
}
