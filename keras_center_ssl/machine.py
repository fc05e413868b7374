"""What this machine is, in words and numbers."""

import os
import platform


def cores():
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count()


def cpu_name():
    """The processor's name, as far as the system says it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = [line.partition(":") for line in file]
    except OSError:
        return platform.processor() or platform.machine()
    names = [value.strip() for name, _, value in lines if name.strip() == "model name"]
    return names[0] if names else platform.machine()
