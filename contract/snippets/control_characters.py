# NUL, bell, backspace, form feed, vertical tab, delete and a byte order mark.
# runs: host page
# %%
print("nul \0 bell \a back\b feed \f tab \v delete \x7f mark \ufeff end")
print("dos\r\nlines\r\n", end="")
