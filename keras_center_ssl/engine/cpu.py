"""What this machine's processor can do: whether bfloat16 is worth while on it."""

import pathlib

# Linux's list of the processors and of their instructions.
_CPUINFO = pathlib.Path("/proc/cpuinfo")

# Instructions that multiply bfloat16 matrices, by Linux's names, best first.
BFLOAT16_FLAGS = ("amx_bf16", "avx512_bf16")


def bfloat16_flags(cpuinfo: str | None = None) -> tuple[str, ...]:
    """The instructions for bfloat16 that every processor of this machine has, best first.

    Args:
        cpuinfo: What `/proc/cpuinfo` holds; `None`: read it.

    Returns:
        Some of `BFLOAT16_FLAGS`; none where there is no such file, as on macOS and Windows.
    """
    if cpuinfo is None:
        try:
            cpuinfo = _CPUINFO.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ()
    lines = [line.partition(":") for line in cpuinfo.splitlines()]
    flags = [set(value.split()) for name, _, value in lines if name.strip() == "flags"]
    if not flags:
        return ()
    return tuple(flag for flag in BFLOAT16_FLAGS if flag in set.intersection(*flags))


def has_fast_bfloat16() -> bool:
    """Whether `mixed_bfloat16` trains faster than float32 on this machine's CPU.

    With AMX or AVX512-BF16 it is 1.5 to 2.4 times as fast; without either it is slower. `False`
    where the processor cannot be asked (no `/proc/cpuinfo`).
    """
    return bool(bfloat16_flags())
