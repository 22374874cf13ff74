# A semicolon at the end hides the result, also with a comment behind it.
# runs: host page
# %%
"hidden";
# %%
"hidden too";  # why not
# %%
"a semicolon in text;"
