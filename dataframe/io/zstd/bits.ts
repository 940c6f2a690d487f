import {
  add,
  and,
  type Code,
  clz,
  int,
  load8,
  ltU,
  not,
  or,
  shl,
  shrU,
  statements,
  sub,
  xor,
} from '../../codegen/wasm/assemble.js';
import {
  loadWide,
  narrowed,
  orWide,
  shlWide,
  shrWide,
  trailingZeros,
  wide,
  widened,
} from '../../codegen/wasm/wide-code.js';

/** Code that reads bits from the end of some bytes on, as those of zstd's entropy coders are (RFC 8878, 4.1). */
export interface BackwardBits {
  /** Not 0 where [start, end) holds no such bits. */
  readonly none: (start: Code, end: Code) => Code;
  /** Above the highest 1 of the last byte there is nothing, and it itself is only a mark. */
  readonly begin: (end: Code) => Code;
  /** Sees to it that 56 bits or more can be dropped. The 8 bytes at the place are loaded: those before the first bit may be among them. */
  readonly refill: Code;
  /** The next 0 to 32 bits, as a number. */
  readonly peek: (count: Code) => Code;
  readonly drop: (count: Code) => Code;
  /** Not 0 where bytes were dropped that there were not: to be asked after each refill. Of single bits `left` tells. */
  readonly beyond: (start: Code) => Code;
  /** How many bits are left behind `start`: less than 0 where more were dropped than there were. */
  readonly left: (start: Code) => Code;
}

interface Locals {
  readonly get: (name: string) => Code;
  readonly set: (name: string, value: Code) => Code;
}

/**
 * `bits`: a variable of 64 bits, the next one is the highest; `place`: the address of the bytes in it; `used`: for a while, how many of its bits are
 * gone. It needs no variable of its own, because the lowest bit held is 1 and those that come in below are 0.
 */
export function backwardBits({ get, set }: Locals, bits: string, place: string, used: string): BackwardBits {
  const hold = (gone: Code) => set(bits, shlWide(orWide(loadWide(get(place)), wide(1)), widened(gone)));
  const last = (end: Code) => load8(sub(end, int(1)));
  return {
    none: (start, end) => or(not(ltU(start, end)), not(last(end))),
    begin: end => statements(set(place, sub(end, int(8))), hold(sub(clz(last(end)), int(23)))),
    refill: statements(
      set(used, trailingZeros(get(bits))),
      set(place, sub(get(place), shrU(get(used), int(3)))),
      hold(and(get(used), int(7))),
    ),
    // Shifted twice, because a shift by 64 would be none.
    peek: count => narrowed(shrWide(shrWide(get(bits), wide(1)), widened(xor(count, int(63))))),
    drop: count => set(bits, shlWide(get(bits), widened(count))),
    beyond: start => ltU(add(get(place), int(8)), start),
    left: start => sub(shl(sub(add(get(place), int(8)), start), int(3)), trailingZeros(get(bits))),
  };
}
