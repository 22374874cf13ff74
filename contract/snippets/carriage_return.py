# A progress line of one's own, written over with \r.
# runs: host page
# %%
for done in range(0, 101, 25):
    print(f"\r{done:3d}% " + "#" * (done // 25), end="")
print()
