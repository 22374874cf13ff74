# Emoji of several code points, combining marks, right to left, wide letters, astral letters.
# runs: host page
# %%
print("\U0001f469\u200d\U0001f52c \U0001f1ea\U0001f1fa \U0001f44d\U0001f3fd e\u0301 n\u0303")
print("\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u4e2d\u6587 \U0001d54f \u202eturned\u202c")
"gr\u00fc\u00dfe \U0001f389", "e\u0301"
