# Colours as rich and others write them: 16, 256 and 16 million, bold, underline, a hyperlink.
# runs: host page
# %%
print("\x1b[31mred\x1b[0m \x1b[1;4mbold, underlined\x1b[0m \x1b[38;5;208morange\x1b[0m \x1b[48;2;0;0;64mon blue\x1b[0m")
print("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\")
