# redirect_stdout and redirect_stderr catch what is printed inside.
# runs: host page
# %%
import contextlib
import io
import sys

out, err = io.StringIO(), io.StringIO()
with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    print("caught")
    print("caught too", file=sys.stderr)
print("not caught", [out.getvalue(), err.getvalue()])
