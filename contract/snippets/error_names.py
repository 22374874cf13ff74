# Mistakes that Python has a hint for: a misspelt name, attribute, module.
# runs: host page
# %%
number = 1
print(numbr)
# %%
"text".uper()
# %%
import no_such_module_here
