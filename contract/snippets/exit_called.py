# exit() asks for the end of the kernel.
# runs: host page
# %%
print("before")
exit()
print("after")
