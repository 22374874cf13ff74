# %%writefile writes a program, %run runs it and leaves its names behind.
# runs: host page
# %%
%%writefile made_here.py
answer = 42
print("running as", __name__)
# %%
%run made_here.py
answer
# %%
%%writefile -a made_here.py
print(undefined_name)
# %%
%run made_here.py
