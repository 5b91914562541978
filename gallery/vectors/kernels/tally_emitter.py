"""Loops over the rows of a mask: how many have each number, where numbers lie, the least and the greatest.

A mask is 64-bit words, in which no bit is set behind the last row. Nothing is written outside the arrays, whatever the
numbers are: one that has no place is left out.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from llvmlite import ir

from .emit import I64, POINTER, Emitter

NULL = -(2**63)  # as in a Table
LAST = 2**63 - 1
WORD_ROWS = 64
WIDTHS = (8, 32, 64)  # bits of a number


def emit_tallies(module: ir.Module) -> None:
    for bits in WIDTHS:
        _emit_tally(module, ir.IntType(bits), f"tally_{bits}", has_added=False)
        _emit_tally(module, ir.IntType(bits), f"tally_added_{bits}", has_added=True)


def _emit_tally(module: ir.Module, kind: ir.Type, name: str, *, has_added: bool) -> None:
    """`tally(numbers, words, word_count, least, place_count, counts, added, sums)`.

    Adds one to `counts[number - least]` for each row of the mask and, with `has_added`, its number in `added` (int64,
    where NULL adds nothing) to `sums`.
    """
    kinds = [POINTER, POINTER, I64, I64, I64, POINTER, POINTER, POINTER]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
    numbers, words, word_count, least, place_count, counts, added, sums = function.args
    b = Emitter(function.append_basic_block("entry"))
    with _rows(b, words, word_count) as row:
        number = b.get(numbers, row, kind)
        place = b.sub(number if kind == I64 else b.sext(number, I64), least)
        with b.if_then(b.icmp_unsigned("<", place, place_count), likely=True):
            b.accumulate(b.at(counts, place, I64), b.integer(1))
            if has_added:
                one = b.get(added, row, I64)
                is_null = b.icmp_signed("==", one, b.integer(NULL))
                b.accumulate(b.at(sums, place, I64), b.select(is_null, b.integer(0), one))
    b.ret_void()


def emit_placed(module: ir.Module) -> None:
    """`placed(numbers, words, word_count, bounds, bound_count, shift, guesses, guess_count, counts)`.

    Adds one to `counts[p]` for each row of the mask whose number (int64) has p of the ascending bounds at or below it;
    NULL is left out. `guesses[(number - bounds[0]) >> shift]`, the last one for what lies behind, is at most p; from
    there on bounds are looked at one by one. `bounds[0]` is there also where there are none.
    """
    kinds = [POINTER, POINTER, I64, POINTER, I64, I64, POINTER, I64, POINTER]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), "placed")
    numbers, words, word_count, bounds, bound_count, shift, guesses, guess_count, counts = function.args
    b = Emitter(function.append_basic_block("entry"))
    least, last_guess = b.get(bounds, b.integer(0), I64), b.sub(guess_count, b.integer(1))
    place = b.variable(I64, b.integer(0))

    def is_beyond(number: ir.Value) -> ir.Value:
        here = b.load(place, typ=I64)
        is_bound = b.icmp_signed("<", here, bound_count)
        bound = b.get(bounds, b.select(is_bound, here, b.integer(0)), I64)
        return b.and_(is_bound, b.icmp_signed(">=", number, bound))

    with _rows(b, words, word_count) as row:
        number = b.get(numbers, row, I64)
        with b.if_then(b.icmp_signed("!=", number, b.integer(NULL)), likely=True):
            b.store(b.integer(0), place)
            with b.if_then(b.icmp_signed(">=", number, least), likely=True):
                guess = b.lshr(b.sub(number, least), shift)
                guess = b.select(b.icmp_unsigned("<", guess, guess_count), guess, last_guess)
                b.store(b.get(guesses, guess, I64), place)
                with b.repeat_while(lambda: is_beyond(number)):
                    b.store(b.add(b.load(place, typ=I64), b.integer(1)), place)
            b.accumulate(b.at(counts, b.load(place, typ=I64), I64), b.integer(1))
    b.ret_void()


def emit_extremes(module: ir.Module) -> None:
    """`extremes(numbers, words, word_count, found)`: numbers are int64.

    Sets `found[0]` to the least and `found[1]` to the greatest number of the mask's rows that is not NULL; to LAST and
    NULL where there is none.
    """
    kinds = [POINTER, POINTER, I64, POINTER]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), "extremes")
    numbers, words, word_count, found = function.args
    b = Emitter(function.append_basic_block("entry"))
    least, greatest = b.variable(I64, b.integer(LAST)), b.variable(I64, b.integer(NULL))
    with _rows(b, words, word_count) as row:
        number = b.get(numbers, row, I64)
        known = b.select(b.icmp_signed("==", number, b.integer(NULL)), b.integer(LAST), number)
        low, high = b.load(least, typ=I64), b.load(greatest, typ=I64)
        b.store(b.select(b.icmp_signed("<", known, low), known, low), least)
        b.store(b.select(b.icmp_signed(">", number, high), number, high), greatest)
    b.put(found, b.integer(0), b.load(least, typ=I64))
    b.put(found, b.integer(1), b.load(greatest, typ=I64))
    b.ret_void()


@contextmanager
def _rows(b: Emitter, words: ir.Value, word_count: ir.Value) -> Iterator[ir.Value]:
    """Run the body for each row of a mask, ascending."""
    with b.loop(word_count) as number, b.set_bits(b.get(words, number, I64)) as bit:
        yield b.add(b.mul(number, b.integer(WORD_ROWS)), bit)
