# A display that is updated, in its cell and from a later one.
# runs: host page
# %%
from IPython.display import display, update_display

handle = display("first", display_id="kept")
handle.update("second")
# %%
update_display("third", display_id="kept")
# %%
made = display("made up", display_id=True)
made.update("updated")
