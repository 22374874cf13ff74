# Reading sys.stdin, without input().
# runs: host page
# answers: Ada
# %%
import sys

line = sys.stdin.readline()
print(repr(line))
