# A figure of pyplot is shown at the end of the cell, behind the text, with the value of the last call.
# runs: host
# %%
import matplotlib.pyplot as plt

plt.plot([1, 2, 3])
plt.title("a line")
print("text")
# %%
figure, axes = plt.subplots(1, 2)
plt.close(figure)
figure
