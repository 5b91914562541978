"""LLVM: from a module's text to machine code of this processor."""

from functools import lru_cache

import llvmlite.binding as llvm

from .instructions import InstructionSet, best_for


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
    _initialize()
    module = llvm.parse_assembly(module_text)
    module.verify()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(**_processor(instruction_set), opt=3)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return MachineCode(engine)


def _processor(instruction_set: InstructionSet) -> dict[str, str]:
    """Return LLVM's words for the processor: the host itself for its best set, a lesser one for tests."""
    if instruction_set == host_instruction_set():
        return {"cpu": llvm.get_host_cpu_name(), "features": llvm.get_host_cpu_features().flatten()}
    return {"cpu": "", "features": ",".join(f"+{name}" for name in instruction_set.needs)}


@lru_cache(maxsize=1)
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
