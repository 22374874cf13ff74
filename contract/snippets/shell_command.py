# !command, with names of the notebook in it, its result in a name, and its exit status.
# runs: host
# order: exact
# %%
name = "Ada"
print("before")
!echo hello $name {1 + 1}
print("after")
# %%
lines = !printf 'a\nb\n'
lines
# %%
!sh -c 'echo failing; exit 7'
_exit_code
