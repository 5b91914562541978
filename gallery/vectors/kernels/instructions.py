"""The instruction sets that the kernels are written for, and the dot product of bytes in each of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from llvmlite import ir

I8, I16, I32 = ir.IntType(8), ir.IntType(16), ir.IntType(32)


@dataclass(frozen=True)
class InstructionSet:
    """How one family of processors multiplies and adds bytes.

    `step_bytes` codes are taken at a time; `lanes` 32-bit sums are kept; `tile` is how many (rows, queries) are scored
    at once in a batch without running out of registers.
    """

    name: str
    needs: tuple[str, ...]  # features, by LLVM's names
    step_bytes: int
    lanes: int
    tile: tuple[int, int]

    @property
    def sums(self) -> ir.Type:
        return ir.VectorType(I32, self.lanes)

    def load(self, builder: ir.IRBuilder, pointer: ir.Value, *, signed: bool) -> ir.Value:
        """Load one step of unsigned codes or of the signed query, as `multiply_add` wants it."""
        vector = builder.load(pointer, align=1, typ=ir.VectorType(I8, self.step_bytes))
        if self.name.endswith("vnni"):
            return vector
        wide = ir.VectorType(I32 if self.name == "portable" else I16, self.step_bytes)
        return builder.sext(vector, wide) if signed else builder.zext(vector, wide)

    def multiply_add(self, builder: ir.IRBuilder, sums: ir.Value, codes: ir.Value, query: ir.Value) -> ir.Value:
        """Return `sums` plus the products of one step, each sum taking those of neighbouring bytes."""
        if self.name == "portable":
            return builder.add(sums, builder.mul(codes, query))
        bits = 32 * self.lanes
        if self.name.endswith("vnni"):
            operand = ir.VectorType(I8, self.step_bytes)
            instruction = self._intrinsic(builder, f"llvm.x86.avx512.vpdpbusd.{bits}", (self.sums, operand, operand))
            return builder.call(instruction, (sums, codes, query))
        operand = ir.VectorType(I16, self.step_bytes)
        name = "llvm.x86.avx512.pmaddw.d.512" if bits == 512 else "llvm.x86.avx2.pmadd.wd"
        return builder.add(sums, builder.call(self._intrinsic(builder, name, (operand, operand)), (codes, query)))

    def _intrinsic(
        self, builder: ir.IRBuilder, name: str, arguments: tuple[ir.Type, ...], result: ir.Type | None = None
    ) -> ir.Function:
        return declared(builder.module, name, result or self.sums, arguments)


# Best first. AVX-VNNI and AVX-512 VNNI share the 256-bit instruction.
INSTRUCTION_SETS = (
    InstructionSet("avx512vnni", ("avx512vnni", "avx512bw", "avx512vl"), step_bytes=64, lanes=16, tile=(4, 4)),
    InstructionSet("avx512bw", ("avx512bw", "avx512vl"), step_bytes=32, lanes=16, tile=(4, 4)),
    InstructionSet("avxvnni", ("avxvnni",), step_bytes=32, lanes=8, tile=(2, 4)),
    InstructionSet("avx2", ("avx2",), step_bytes=16, lanes=8, tile=(2, 4)),
    InstructionSet("portable", (), step_bytes=16, lanes=16, tile=(2, 2)),
)


def best_for(features: Mapping[str, bool]) -> InstructionSet:
    """Return the best instruction set of a processor with these features."""
    return next(one for one in INSTRUCTION_SETS if all(features.get(need, False) for need in one.needs))


def declared(module: ir.Module, name: str, result: ir.Type, arguments: tuple[ir.Type, ...]) -> ir.Function:
    """Return the module's declaration of a function, adding it at the first use."""
    if name in module.globals:
        return module.globals[name]
    return ir.Function(module, ir.FunctionType(result, arguments), name)
