# !command of a program that is not there.
# runs: host
# %%
!no_such_program_at_all 2>&1 | sed 's/.*no_such/no_such/'
