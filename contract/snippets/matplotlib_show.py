# plt.show() shows at once, so between texts; figures that are closed are not shown.
# runs: host
# order: exact
# %%
%matplotlib inline
import matplotlib.pyplot as plt

print("before")
plt.plot([1, 2])
plt.show()
print("between")
plt.bar([1], [2])
plt.show()
print("after")
# %%
plt.plot([3])
plt.close("all")
