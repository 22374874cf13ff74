# tqdm's bar on stderr, each step drawn.
# runs: host
# %%
from tqdm import tqdm

for step in tqdm(range(3), desc="steps", mininterval=0):
    pass
