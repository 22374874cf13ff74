# clear_output, at once and when the next output comes.
# runs: host page
# %%
from IPython.display import clear_output

print("gone")
clear_output()
print("stays")
# %%
for n in range(3):
    clear_output(wait=True)
    print("round", n)
