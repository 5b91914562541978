"""LLVM: from a module's text to machine code of this processor, kept in a file for the next process."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

from .instructions import InstructionSet, best_for

DIGEST_BYTES = hashlib.sha256().digest_size


class MachineCode:
    """Compiled functions. They live as long as this object does."""

    def __init__(self, engine: llvm.ExecutionEngine) -> None:
        self._engine = engine

    def address(self, name: str) -> int:
        return int(self._engine.get_function_address(name))


@lru_cache(maxsize=1)
def host_instruction_set() -> InstructionSet:
    """Return the best instruction set of the processor we are on."""
    return best_for(llvm.get_host_cpu_features())


def compiled(module_text: str, instruction_set: InstructionSet) -> MachineCode:
    """Optimise and compile a module, with the features that `instruction_set` needs and no others of its kind."""
    machine = _target_machine(instruction_set)
    return _linked(_object_code(module_text, machine), machine)


def compiled_once(
    name: str, module_text: Callable[[], str], instruction_set: InstructionSet, folder: Path
) -> MachineCode:
    """As `compiled`, but the object code is kept in `folder`, and used again as long as all that it depends on is as
    it was: `name`, the source of this package, llvmlite and the processor. A file that is damaged or cannot be written
    costs the time of compiling, nothing else.
    """
    machine = _target_machine(instruction_set)
    depends_on = (name, _source_digest(), llvmlite.__version__, sorted(_processor(instruction_set).items()))
    path = folder / f"{hashlib.sha256(repr(depends_on).encode()).hexdigest()[:32]}.object"
    code = _kept(path)
    if code is None:
        code = _object_code(module_text(), machine)
        _keep(path, code)
    return _linked(code, machine)


def _object_code(module_text: str, machine: llvm.TargetMachine) -> bytes:
    module = llvm.parse_assembly(module_text)
    module.verify()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
    return bytes(machine.emit_object(module))


def _linked(code: bytes, machine: llvm.TargetMachine) -> MachineCode:
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return MachineCode(engine)


def _kept(path: Path) -> bytes | None:
    """Return the code in the file, if it is there and whole."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, code = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    return code if hashlib.sha256(code).digest() == digest else None


def _keep(path: Path, code: bytes) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # who can write here can have code run
        draft.write_bytes(hashlib.sha256(code).digest() + code)
        draft.replace(path)  # whole or not at all; another process may be doing the same
    except OSError:
        with suppress(OSError):
            draft.unlink()


@lru_cache(maxsize=1)
def _source_digest() -> str:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _target_machine(instruction_set: InstructionSet) -> llvm.TargetMachine:
    _initialize()
    return llvm.Target.from_default_triple().create_target_machine(**_processor(instruction_set), opt=3, jit=True)


def _processor(instruction_set: InstructionSet) -> dict[str, str]:
    """Return LLVM's words for the processor: the host itself for its best set, a lesser one for tests."""
    if instruction_set == host_instruction_set():
        return {"cpu": llvm.get_host_cpu_name(), "features": llvm.get_host_cpu_features().flatten()}
    return {"cpu": "", "features": ",".join(f"+{name}" for name in instruction_set.needs)}


@lru_cache(maxsize=1)
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
