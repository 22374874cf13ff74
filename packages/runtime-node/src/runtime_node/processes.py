"""Which process a pid stands for: pids are used again, so a pid and the time of its start name one process for ever."""

_SAME_S = 0.1


def process_created_s(pid: int) -> float | None:
    """Give the time at which the process with that pid was started, in seconds since 1970; None when there is none."""
    import psutil  # takes a while, and few need it

    try:
        found = psutil.Process(pid)
        return None if found.status() == psutil.STATUS_ZOMBIE else found.create_time()
    except psutil.NoSuchProcess:
        return None


def is_same_process(pid: int, created_s: float) -> bool:
    """Tell whether the process that had this pid when it was noted still runs."""
    found = process_created_s(pid)
    return found is not None and abs(found - created_s) < _SAME_S
