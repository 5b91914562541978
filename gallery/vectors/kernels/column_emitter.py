"""Loops over columns: where a text has a needle in it, and how many wanted rows each key has.

Nothing is read outside the arrays, whatever they hold: a file may have been damaged since it was written.
"""

from llvmlite import ir

from .emit import BYTE, I32, I64, POINTER, Emitter, splat

LANES = 64  # places of a needle that are judged at once
WORD_BYTES = 8
_BITS = ir.VectorType(BYTE, LANES)


def emit_find(module: ir.Module) -> None:
    """`find(content, content_bytes, starts, row_count, needle, folds, needle_bytes, probes, found)`.

    Sets `found[r]` of each row whose text has the needle in it. A byte is like the needle's if it is equal to it after
    an OR with the byte of `folds` at the same place, 32 where a letter's case does not matter. Two bytes of the needle,
    at `probes[0]` and `probes[1]`, are looked for everywhere; where both are there, the others are compared.
    """
    is_needle = _emit_is_needle(module)
    kinds = [POINTER, I64, POINTER, I64, POINTER, POINTER, I64, POINTER, POINTER]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), "find")
    content, content_bytes, starts, row_count, needle, folds, needle_bytes, probes, found = function.args
    b = Emitter(function.append_basic_block("entry"))
    stop = b.sub(content_bytes, needle_bytes)  # the last place where a needle may begin
    probe_places = [b.get(probes, b.integer(number), I64) for number in range(2)]
    wanted = [[splat(b, b.get(array, place, BYTE), LANES) for array in (needle, folds)] for place in probe_places]
    place, row, last_row = b.variable(I64, b.integer(0)), b.variable(I64, b.integer(0)), b.sub(row_count, b.integer(1))
    rest, behind = b.variable(I64, b.integer(0)), b.variable(I64, b.integer(0))
    with b.repeat_while(lambda: b.icmp_signed("<=", b.load(place, typ=I64), stop)):
        here = b.load(place, typ=I64)
        b.store(b.integer(1), rest)  # near the end: one place at a time
        b.store(b.add(here, b.integer(1)), behind)
        with b.if_then(b.icmp_signed("<=", b.add(here, b.integer(LANES - 1)), stop), likely=True):
            are_there = [
                _are_like(b, b.at(content, b.add(here, probe), BYTE), *parts)
                for probe, parts in zip(probe_places, wanted, strict=True)
            ]
            b.store(b.bitcast(b.and_(*are_there), I64), rest)
            b.store(b.add(here, b.integer(LANES)), behind)
        with b.repeat_while(lambda: b.icmp_unsigned("!=", b.load(rest, typ=I64), b.integer(0))):
            bits = b.load(rest, typ=I64)
            b.store(b.and_(bits, b.sub(bits, b.integer(1))), rest)
            first = b.add(here, b.cttz(bits, ir.Constant(ir.IntType(1), 1)))
            with b.if_then(b.call(is_needle, [b.at(content, first, BYTE), needle, folds, needle_bytes])):
                _go_to_row_of(b, first, row, starts, last_row)
                number = b.load(row, typ=I64)
                end = b.get(starts, b.add(number, b.integer(1)), I64)
                with b.if_then(b.icmp_signed("<=", b.add(first, needle_bytes), end)):
                    b.put(found, number, ir.Constant(BYTE, 1))
                    b.store(b.integer(0), rest)
                    b.store(end, behind)  # once in a text is enough
        b.store(b.load(behind, typ=I64), place)
    b.ret_void()


def emit_count(module: ir.Module) -> None:
    """`count(rows, starts, key_count, bits, row_count, counts)`.

    Sets `counts[k]` to the number of `rows[starts[k]:starts[k + 1]]` (uint32) whose bit is set.
    """
    kinds = [POINTER, POINTER, I64, POINTER, I64, POINTER]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), "count")
    rows, starts, key_count, bits, row_count, counts = function.args
    b = Emitter(function.append_basic_block("entry"))
    with b.loop(key_count) as key:
        first = b.get(starts, key, I64)
        links = b.sub(b.get(starts, b.add(key, b.integer(1)), I64), first)
        of_key = b.at(rows, first, I32)
        total = b.variable(I64, b.integer(0))
        b.store(b.integer(0), total)
        with b.loop(links) as link:
            row = b.zext(b.get(of_key, link, I32), I64)
            with b.if_then(b.icmp_unsigned("<", row, row_count), likely=True):
                byte = b.get(bits, b.lshr(row, b.integer(3)), BYTE)
                bit = b.lshr(byte, b.trunc(b.and_(row, b.integer(7)), BYTE))
                b.accumulate(total, b.zext(b.and_(bit, ir.Constant(BYTE, 1)), I64))
        b.put(counts, key, b.load(total, typ=I64))
    b.ret_void()


def _are_like(b: Emitter, bytes_at: ir.Value, needle: ir.Value, folds: ir.Value) -> ir.Value:
    """Return which of LANES bytes are like one byte of the needle."""
    return b.icmp_unsigned("==", b.or_(b.load(bytes_at, align=1, typ=_BITS), folds), needle)


def _go_to_row_of(b: Emitter, place: ir.Value, row: ir.Value, starts: ir.Value, last_row: ir.Value) -> None:
    """Move the variable `row` on to the row whose text `place` is in."""

    def ends_before() -> ir.Value:
        number = b.load(row, typ=I64)
        end = b.get(starts, b.add(number, b.integer(1)), I64)
        return b.and_(b.icmp_signed("<", number, last_row), b.icmp_signed("<=", end, place))

    with b.repeat_while(ends_before):
        b.store(b.add(b.load(row, typ=I64), b.integer(1)), row)


def _emit_is_needle(module: ir.Module) -> ir.Function:
    """`is_needle(bytes, needle, folds, needle_bytes)`: whether all of these bytes are like the needle's.

    Eight at a time; the last eight may overlap those before, and fewer than eight are taken one by one.
    """
    function = ir.Function(module, ir.FunctionType(ir.IntType(1), [POINTER, POINTER, POINTER, I64]), "is_needle")
    function.linkage = "internal"
    content, needle, folds, needle_bytes = function.args
    b = Emitter(function.append_basic_block("entry"))
    last_word = b.sub(needle_bytes, b.integer(WORD_BYTES))

    def refuse_unlike(place: ir.Value, kind: ir.Type) -> None:
        byte, wanted, fold = (b.load(b.at(array, place, BYTE), align=1, typ=kind) for array in (content, needle, folds))
        with b.if_then(b.icmp_unsigned("!=", b.or_(byte, fold), wanted)):
            b.ret(ir.Constant(ir.IntType(1), 0))

    with b.if_then(b.icmp_signed("<", last_word, b.integer(0))):
        with b.loop(needle_bytes) as place:
            refuse_unlike(place, BYTE)
        b.ret(ir.Constant(ir.IntType(1), 1))
    with b.loop(last_word, step=WORD_BYTES) as place:
        refuse_unlike(place, I64)
    refuse_unlike(last_word, I64)
    b.ret(ir.Constant(ir.IntType(1), 1))
    return function
