# Code that sends SIGINT to itself.
# runs: host
# %%
import signal

print("before")
signal.raise_signal(signal.SIGINT)
print("after")
# %%
print("the next cell runs")
