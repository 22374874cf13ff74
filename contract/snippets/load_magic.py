# %load puts code into the next cell.
# runs: host
# %%
%%writefile loaded_here.py
print("loaded")
# %%
%load loaded_here.py
