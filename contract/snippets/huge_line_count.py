# 100,000 lines.
# runs: host page
# %%
for n in range(100_000):
    print("line", n)
