# faulthandler writes a traceback to a real file's descriptor.
# runs: host
# %%
import faulthandler
import tempfile

with tempfile.TemporaryFile("w+") as file:
    faulthandler.dump_traceback(file=file, all_threads=False)
    file.seek(0)
    print(file.read().splitlines()[0])
