# Programs that inherit the cell's stdout and stderr, and one whose output is captured.
# runs: host
# %%
import subprocess

subprocess.run(["sh", "-c", "echo inherited; echo problem >&2"])
None
# %%
done = subprocess.run(["sh", "-c", "echo captured; exit 3"], capture_output=True, text=True)
print(done.returncode, repr(done.stdout))
# %%
subprocess.run(["false"], check=True)
