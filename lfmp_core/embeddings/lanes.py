"""Sixteen numbers at a time: vector instructions where a compiler would find none by itself."""

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

LANES = 16  # numbers that one instruction, or one mask, speaks of


@intrinsic
def expand_lanes(typing, source, mask, target):
    """Write 16 floats to an address: where a bit of the mask is set the next float from `source`, else 0; the
    two addresses may be the same.

    One instruction with AVX-512, a loop elsewhere; the loop over columns that it replaces waits for a
    mispredicted branch at nearly every row. Nothing beyond the row is read.
    """

    def generate(context, builder, signature, arguments):
        start, bits, end = arguments
        vector = ir.VectorType(ir.FloatType(), LANES)
        lanes = ir.VectorType(ir.IntType(1), LANES)
        floats = ir.FloatType().as_pointer()
        load = builder.module.declare_intrinsic(
            f"llvm.masked.expandload.v{LANES}f32", (), ir.FunctionType(vector, [floats, lanes, vector])
        )
        zeros = ir.Constant(vector, [0.0] * LANES)
        found = builder.call(load, [builder.inttoptr(start, floats), builder.bitcast(bits, lanes), zeros])
        builder.store(found, builder.inttoptr(end, vector.as_pointer())).align = 4
        return context.get_dummy_value()

    return types.void(types.int64, types.int16, types.int64), generate


@intrinsic
def set_bits(typing, mask):
    """How many bits of a mask are set."""

    def generate(context, builder, signature, arguments):
        return builder.zext(builder.ctpop(arguments[0]), ir.IntType(64))

    return types.int64(types.int16), generate


def _unpacking(bits, shifted):
    """What reads 16 codes from an address on and writes o + s·q as floats to another.

    Args:
        bits: of a code.
        shifted: whether the first one may begin within its byte, and fewer than 16 may be wanted: then 16
            bytes are read, whatever the codes', and the first `count` floats are written.
    """
    each = 8 // bits
    words = LANES // each

    def generate(context, builder, signature, arguments):
        start, shift, step, offset, end, count = arguments
        byte, read = ir.IntType(8), ir.VectorType(ir.IntType(8), words)
        whole = ir.IntType(8 * (LANES if shifted else words))
        codes = builder.load(builder.inttoptr(start, whole.as_pointer()))
        codes.align = 1
        if shifted:
            codes = builder.lshr(codes, builder.zext(shift, whole))
            codes = builder.trunc(codes, ir.IntType(8 * words)) if words < LANES else codes
        word = builder.bitcast(codes, read)
        parts = [
            builder.and_(
                builder.lshr(word, ir.Constant(read, [byte(bits * j)] * words)),
                ir.Constant(read, [byte(2**bits - 1)] * words),
            )
            for j in range(each)
        ]
        while len(parts) > 1:  # codes j and j + half of every byte, in turns
            half, size = len(parts) // 2, parts[0].type.count
            turns = [lane // 2 + size * (lane % 2) for lane in range(2 * size)]
            order = ir.Constant(ir.VectorType(ir.IntType(32), 2 * size), turns)
            parts = [builder.shuffle_vector(parts[j], parts[half + j], order) for j in range(half)]
        floats = ir.VectorType(ir.FloatType(), LANES)
        first = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)

        def everywhere(x):
            one = builder.insert_element(ir.Constant(floats, ir.Undefined), x, ir.IntType(32)(0))
            return builder.shuffle_vector(one, one, first)

        numbers = builder.fmul(builder.uitofp(parts[0], floats), everywhere(step))
        numbers, out = builder.fadd(numbers, everywhere(offset)), builder.inttoptr(end, floats.as_pointer())
        if not shifted:
            builder.store(numbers, out).align = 4
            return context.get_dummy_value()
        whole = ir.VectorType(ir.IntType(32), LANES)
        many = builder.insert_element(ir.Constant(whole, ir.Undefined), count, ir.IntType(32)(0))
        many = builder.shuffle_vector(many, many, first)
        stay = builder.icmp_signed("<", ir.Constant(whole, list(range(LANES))), many)
        kind = ir.FunctionType(ir.VoidType(), [floats, floats.as_pointer(), ir.IntType(32), stay.type])
        store = builder.module.declare_intrinsic(f"llvm.masked.store.v{LANES}f32.p0", (), kind)
        builder.call(store, [numbers, out, ir.IntType(32)(4), stay])
        return context.get_dummy_value()

    @intrinsic
    def write(typing, source, shift, step, offset, target, count):
        kinds = (types.int64, types.int64, types.float32, types.float32, types.int64, types.int32)
        return types.void(*kinds), generate

    return write


_exact8, _exact4, _exact2 = (_unpacking(bits, False) for bits in (8, 4, 2))
_shifted8, _shifted4, _shifted2 = (_unpacking(bits, True) for bits in (8, 4, 2))


@numba.njit(inline="always")
def unpack_lanes(bits, source, step, offset, target):
    """Write o + s·q as 16 floats to an address, of the 16 codes from another on."""
    if bits == 8:
        _exact8(source, 0, step, offset, target, LANES)
    elif bits == 4:
        _exact4(source, 0, step, offset, target, LANES)
    else:
        _exact2(source, 0, step, offset, target, LANES)


@numba.njit(inline="always")
def unpack_some(bits, source, shift, step, offset, target, count):
    """Write `count` floats, at most 16, of codes that begin `shift` bits within a byte; reads 16 bytes."""
    if bits == 8:
        _shifted8(source, shift, step, offset, target, count)
    elif bits == 4:
        _shifted4(source, shift, step, offset, target, count)
    else:
        _shifted2(source, shift, step, offset, target, count)


@intrinsic
def prefetch(typing, address):
    """Ask the memory for what is at an address."""

    def generate(context, builder, signature, arguments):
        pointer, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, whole, whole, whole])
        fetch = builder.module.declare_intrinsic("llvm.prefetch.p0i8", (), kind)
        builder.call(fetch, [builder.inttoptr(arguments[0], pointer), whole(0), whole(3), whole(1)])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def _half(typing, x):
    """The float32 of a float16, which is given by its bits."""

    def generate(context, builder, signature, arguments):
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), generate


def single(x):
    """The float32 that x stands for: itself, or float16 by its bits."""


@overload(single)
def _single_typed(x):
    return (lambda x: _half(x)) if x == numba.uint16 else (lambda x: x)  # type: ignore[call-arg]
