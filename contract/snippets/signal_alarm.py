# A handler for SIGALRM, and one that raises out of a sleep.
# runs: host
# %%
import signal
import time


def ring(number, frame):
    print("ring", signal.Signals(number).name)
    raise TimeoutError("too long")


signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.01)
time.sleep(30)
