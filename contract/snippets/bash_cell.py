# %%bash with output, an error stream, and a failing script.
# runs: host
# %%
%%bash
for n in 1 2; do echo "n=$n"; done
echo "to stderr" >&2
# %%
%%bash
echo before
exit 3
