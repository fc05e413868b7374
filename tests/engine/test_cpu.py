"""Whether the processor is fast in bfloat16, from faked lists of its instructions."""

import pytest

from keras_center_ssl.engine import cpu

INTEL = """processor\t: 0
model name\t: Intel(R) Xeon(R) Platinum 8481C
flags\t\t: fpu sse avx2 avx512f avx512_bf16 amx_bf16 amx_tile amx_int8
vmx flags\t: vnmi ept

processor\t: 1
flags\t\t: fpu sse avx2 avx512f avx512_bf16 amx_bf16 amx_tile amx_int8
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (INTEL, ("amx_bf16", "avx512_bf16")),
        ("flags\t\t: fpu avx512f avx512_bf16 avx512_vnni\n", ("avx512_bf16",)),
        ("flags\t\t: fpu avx2 avx512f avx512_bf16x\n", ()),
        ("model name\t: amx_bf16\nflags\t\t: fpu avx2\n", ()),
        ("Features\t: fp asimd bf16\n", ()),
        ("", ()),
        (INTEL + "\nprocessor\t: 2\nflags\t\t: fpu sse avx2 avx512_bf16\n", ("avx512_bf16",)),
    ],
    ids=["amx", "avx512", "another name", "elsewhere", "arm", "empty", "unlike processors"],
)
def test_the_flags_are_read(tmp_path, monkeypatch, text, expected):
    file = tmp_path / "cpuinfo"
    file.write_text(text)
    monkeypatch.setattr(cpu, "_CPUINFO", file)
    assert cpu.bfloat16_flags() == cpu.bfloat16_flags(text) == expected
    assert cpu.has_fast_bfloat16() is bool(expected)


def test_a_system_without_the_list_is_not_fast(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu, "_CPUINFO", tmp_path / "missing")
    assert cpu.has_fast_bfloat16() is False
