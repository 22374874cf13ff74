# A program's output read line by line while it runs.
# runs: host
# %%
import subprocess

with subprocess.Popen(["sh", "-c", "for n in 1 2 3; do echo line $n; done"], stdout=subprocess.PIPE, text=True) as process:
    for line in process.stdout:
        print("read:", line, end="")
process.returncode
