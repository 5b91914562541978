"""Machine code that is kept for the next process: used when it fits, made again when it does not."""

import ctypes
from pathlib import Path

import pytest
from llvmlite import ir

from gallery.vectors.kernels import machine_code
from gallery.vectors.kernels.instructions import INSTRUCTION_SETS
from gallery.vectors.kernels.machine_code import MachineCode, compiled, compiled_once, host_instruction_set

PORTABLE = INSTRUCTION_SETS[-1]


def adding(number: int) -> str:
    """Return a module whose function `f` adds `number`."""
    module = ir.Module("adding")
    i64 = ir.IntType(64)
    function = ir.Function(module, ir.FunctionType(i64, [i64]), "f")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(builder.add(function.args[0], ir.Constant(i64, number)))
    return str(module)


def run(code: MachineCode, argument: int) -> int:
    return int(ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(code.address("f"))(argument))


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "machine-code"


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """How often something was really compiled."""
    calls: list[int] = []
    real = machine_code._object_code
    monkeypatch.setattr(machine_code, "_object_code", lambda *given: (calls.append(1), real(*given))[1])
    return calls


def test_compiled_code_runs():
    assert run(compiled(adding(5), host_instruction_set()), 2) == 7


def test_the_second_process_compiles_nothing(folder, asked):
    first = compiled_once("add", lambda: adding(5), PORTABLE, folder)
    second = compiled_once("add", lambda: pytest.fail("not needed"), PORTABLE, folder)

    assert (run(first, 2), run(second, 2)) == (7, 7)
    assert len(asked) == 1


def test_another_name_or_instruction_set_is_another_file(folder):
    assert run(compiled_once("add 5", lambda: adding(5), PORTABLE, folder), 2) == 7
    assert run(compiled_once("add 6", lambda: adding(6), PORTABLE, folder), 2) == 8
    assert run(compiled_once("add 5", lambda: adding(5), host_instruction_set(), folder), 2) == 7

    assert len(list(folder.iterdir())) == 3


def test_code_of_another_version_of_the_source_is_not_used(folder, monkeypatch):
    compiled_once("add", lambda: adding(5), PORTABLE, folder)
    monkeypatch.setattr(machine_code, "_source_digest", lambda: "changed")

    assert run(compiled_once("add", lambda: adding(6), PORTABLE, folder), 2) == 8


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:-1],
        lambda whole: whole[:0],
        lambda whole: whole[:99] + bytes([whole[99] ^ 1]) + whole[100:],
    ],
    ids=["cut short", "empty", "a byte changed"],
)
def test_a_damaged_file_is_made_again(folder, asked, damage):
    compiled_once("add", lambda: adding(5), PORTABLE, folder)
    [path] = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))

    assert run(compiled_once("add", lambda: adding(5), PORTABLE, folder), 2) == 7
    assert path.read_bytes() == whole
    assert len(asked) == 2


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")

    assert run(compiled_once("add", lambda: adding(5), PORTABLE, Path(blocked, "code")), 2) == 7
    assert blocked.read_text() == "not a folder"
