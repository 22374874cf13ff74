# A widget with JavaScript of its own, by anywidget.
# runs: host
# %%
import anywidget
import traitlets


class Counter(anywidget.AnyWidget):
    _esm = "export default { render({ model, el }) { el.textContent = model.get('count'); } }"
    count = traitlets.Int(0).tag(sync=True)


counter = Counter(count=2)
counter
# %%
counter.count += 1
