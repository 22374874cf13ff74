# Lone surrogates, in text, in a result and in an error.
# runs: host page
# %%
print("lone \ud800 surrogate")
# %%
"lone \udc80 surrogate"
# %%
raise ValueError("lone \udfff surrogate")
