# logging without and with a configuration.
# runs: host page
# %%
import logging

logging.warning("by the root logger")
logging.info("not shown")
# %%
import sys

logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, format="%(levelname)s %(name)s: %(message)s", force=True)
logging.getLogger("mine").debug("details")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("mine").exception("failed")
