"""Loops, arrays and conditions on top of llvmlite's builder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce

from llvmlite import ir

BYTE, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
FLOAT, DOUBLE = ir.FloatType(), ir.DoubleType()
POINTER = ir.PointerType()


class Emitter(ir.IRBuilder):  # type: ignore[misc]  # llvmlite has no types
    """A builder that knows loops over numbers and arrays of plain types.

    Variables live on the stack (`variable`); the optimiser moves them into registers.
    """

    def integer(self, value: int) -> ir.Constant:
        return ir.Constant(I64, value)

    def variable(self, typ: ir.Type, initial: ir.Value) -> ir.Value:
        with self.goto_entry_block():
            place = self.alloca(typ)
        self.store(initial, place)
        return place

    def at(self, array: ir.Value, index: ir.Value, typ: ir.Type) -> ir.Value:
        """Return the address of `array[index]`."""
        return self.gep(array, [index], source_etype=typ)

    def get(self, array: ir.Value, index: ir.Value, typ: ir.Type) -> ir.Value:
        return self.load(self.at(array, index, typ), typ=typ)

    def put(self, array: ir.Value, index: ir.Value, value: ir.Value) -> None:
        self.store(value, self.at(array, index, value.type))

    def accumulate(self, place: ir.Value, value: ir.Value) -> None:
        """Add `value` to the number at `place`."""
        old = self.load(place, typ=value.type)
        kind = value.type.element if isinstance(value.type, ir.VectorType) else value.type
        floating = isinstance(kind, ir.FloatType | ir.DoubleType)
        self.store(self.fadd(old, value) if floating else self.add(old, value), place)

    @contextmanager
    def loop(self, stop: ir.Value, *, step: int = 1) -> Iterator[ir.Value]:
        """Run the body for 0, step, 2 * step... below `stop`; yields the number."""
        place = self.variable(I64, self.integer(0))
        with self.repeat_while(lambda: self.icmp_signed("<", self.load(place, typ=I64), stop)):
            number = self.load(place, typ=I64)
            yield number
            self.store(self.add(number, self.integer(step)), place)

    @contextmanager
    def set_bits(self, word: ir.Value) -> Iterator[ir.Value]:
        """Run the body for the place of each set bit of a 64-bit word, lowest first."""
        rest = self.variable(I64, word)
        with self.repeat_while(lambda: self.icmp_unsigned("!=", self.load(rest, typ=I64), self.integer(0))):
            bits = self.load(rest, typ=I64)
            yield self.cttz(bits, ir.Constant(ir.IntType(1), 1))
            self.store(self.and_(bits, self.sub(bits, self.integer(1))), rest)

    @contextmanager
    def repeat_while(self, condition: Callable[[], ir.Value]) -> Iterator[None]:
        """Run the body as long as the i1 that `condition` emits is true."""
        head, body, after = (self.append_basic_block(name) for name in ("head", "body", "after"))
        self.branch(head)
        self.position_at_end(head)
        self.cbranch(condition(), body, after)
        self.position_at_end(body)
        yield
        self.branch(head)
        self.position_at_end(after)


def splat(builder: ir.IRBuilder, value: ir.Value, lanes: int) -> ir.Value:
    """Return a vector with `value` in every lane."""
    vector = ir.VectorType(value.type, lanes)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(I32, lanes), None))


def first_of(builder: ir.IRBuilder, vector: ir.Value) -> ir.Value:
    return builder.extract_element(vector, ir.Constant(I32, 0))


def lane_sums(builder: ir.IRBuilder, vectors: list[ir.Value]) -> ir.Value:
    """Return the sum over the lanes of each vector: n vectors in (1, 2 or 4), a vector of n lanes out.

    Two vectors are interleaved and added, which halves both at once; that costs a third of adding up each alone.
    """
    wanted, width = len(vectors), 1
    if vectors[0].type.count < 4:
        return _gathered(builder, vectors)
    while len(vectors) > 1:
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [_interleaved_sum(builder, left, right, width) for left, right in pairs]
        width *= 2
    total = vectors[0]
    while total.type.count > wanted:
        half = total.type.count // 2
        parts = (_shuffled(builder, total, total, list(range(start, start + half))) for start in (0, half))
        total = builder.add(*parts)
    return total


def _interleaved_sum(builder: ir.IRBuilder, left: ir.Value, right: ir.Value, width: int) -> ir.Value:
    """Add the halves of every four lanes: `width` lanes of `left`, then as many of `right`, and so on."""
    lanes = left.type.count
    low: list[int] = []
    high: list[int] = []
    for start in range(0, lanes, 4):
        for part in range(0, 2, width):
            for offset, mask in ((0, low), (2, high)):
                first = start + part + offset
                mask += [*range(first, first + width), *range(lanes + first, lanes + first + width)]
    return builder.add(_shuffled(builder, left, right, low), _shuffled(builder, left, right, high))


def _shuffled(builder: ir.IRBuilder, left: ir.Value, right: ir.Value, lanes: list[int]) -> ir.Value:
    return builder.shuffle_vector(left, right, ir.Constant(ir.VectorType(I32, len(lanes)), lanes))


def _gathered(builder: ir.IRBuilder, vectors: list[ir.Value]) -> ir.Value:
    """Add up each vector alone and put the sums side by side."""
    kind = vectors[0].type.element
    sums = ir.Constant(ir.VectorType(kind, len(vectors)), ir.Undefined)
    for number, vector in enumerate(vectors):
        lanes = [builder.extract_element(vector, ir.Constant(I32, lane)) for lane in range(vector.type.count)]
        sums = builder.insert_element(sums, reduce(builder.add, lanes), ir.Constant(I32, number))
    return sums
