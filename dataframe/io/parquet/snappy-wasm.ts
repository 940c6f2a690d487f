import type { WasmFunction, WasmMemory } from '../../../core/base/kernel-memory.js';
import {
  type AssembledFunction,
  add,
  and,
  type Code,
  copy8,
  copyByte,
  copyBytes,
  functionOver,
  geU,
  giveBack,
  gtU,
  int,
  leU,
  load32,
  localsOf,
  ltU,
  ne,
  not,
  or,
  select,
  shl,
  shrU,
  statements,
  sub,
  wasmFunction,
  when,
  whileTrue,
} from '../../codegen/wasm/assemble.js';

/** Bytes past the ends of the input and of the output that are touched, but not looked at. */
export const unpackSlack = 64;

const parameters = ['p', 'end', 'start', 'stop', 'enough'] as const;
const variables = ['q', 'head', 'kind', 'length', 'back', 'from', 'k'] as const;
const { get, set } = localsOf([...parameters, ...variables]);
const damaged = (condition: Code) => when(condition, giveBack(int(1)));
const bits = (value: Code, shift: number, mask: number) => and(shrU(value, int(shift)), int(mask));
const move16 = (to: Code, from: Code) => statements(copy8(to, from, 0), copy8(to, from, 8));

const beyondOutput = damaged(gtU(get('length'), sub(get('stop'), get('q'))));
/** A literal of more than 60 bytes has its length, less one, in the bytes behind the tag. */
const longLength = statements(
  set('k', sub(get('length'), int(60))),
  set('length', shrU(int(-1), sub(int(32), shl(get('k'), int(3))))),
  set('length', add(and(load32(get('p')), get('length')), int(1))),
  set('p', add(get('p'), get('k'))),
);
const literal = statements(
  set('p', add(get('p'), int(1))),
  when(gtU(get('length'), int(60)), longLength),
  beyondOutput,
  when(
    leU(get('length'), int(16)),
    move16(get('q'), get('p')),
    statements(
      damaged(gtU(get('p'), get('end'))),
      damaged(gtU(get('length'), sub(get('end'), get('p')))),
      copyBytes(get('q'), get('p'), get('length')),
    ),
  ),
  set('p', add(get('p'), get('length'))),
);

const isShort = and(get('kind'), int(1));
const shortBack = or(bits(get('head'), 8, 0xff), shl(and(get('head'), int(0xe0)), int(3)));
const distance = when(
  not(ne(get('kind'), int(3))),
  statements(set('back', load32(get('p'), 1)), set('p', add(get('p'), int(5)))),
  statements(
    set('back', select(isShort, shortBack, bits(get('head'), 8, 0xffff))),
    set('length', select(isShort, add(bits(get('head'), 2, 7), int(4)), get('length'))),
    set('p', sub(add(get('p'), int(3)), isShort)),
  ),
);
const wide = statements(
  move16(get('q'), get('from')),
  set('k', int(16)),
  whileTrue(
    ltU(get('k'), get('length')),
    statements(move16(add(get('q'), get('k')), add(get('from'), get('k'))), set('k', add(get('k'), int(16)))),
  ),
);
/** Overlapping: bytes that this copy writes are read by it. */
const narrow = statements(
  set('k', int(0)),
  whileTrue(
    ltU(get('k'), get('length')),
    statements(
      copyByte(add(get('q'), get('k')), add(get('from'), get('k'))),
      set('k', add(get('k'), int(1))),
    ),
  ),
);
const copy = statements(
  distance,
  damaged(not(get('back'))),
  damaged(gtU(get('back'), sub(get('q'), get('start')))),
  beyondOutput,
  set('from', sub(get('q'), get('back'))),
  when(geU(get('back'), int(16)), wide, narrow),
);

const body = statements(
  set('q', get('start')),
  whileTrue(
    and(ltU(get('p'), get('end')), ltU(get('q'), get('enough'))),
    statements(
      set('head', load32(get('p'))),
      set('kind', and(get('head'), int(3))),
      set('length', add(bits(get('head'), 2, 63), int(1))),
      when(get('kind'), copy, literal),
      set('q', add(get('q'), get('length'))),
    ),
  ),
  // Elements that are left are wrong where all was wanted.
  when(ltU(get('q'), get('stop')), when(geU(get('q'), get('enough')), giveBack(int(0)))),
  giveBack(or(ne(get('p'), get('end')), ne(get('q'), get('stop')))),
);

/**
 * run(p, end, start, stop, enough): unpacks the elements of snappy data at [p, end) of the memory to [start, stop), and gives 0
 * when they are exactly that; or as far as `enough`, and leaves what is behind it. Up to unpackSlack bytes more must be there behind both. An element is a literal or a copy of
 * what was unpacked before; short ones are moved 16 bytes at a time, however few they have: half of the time of a copy
 * would be a wrong guess of its length.
 */
export function snappyFunction(): AssembledFunction {
  return wasmFunction(parameters.length, variables.length, body);
}

/** The same over memory that is given. */
export function snappyOver(memory: WasmMemory): WasmFunction {
  return functionOver(memory, parameters.length, variables.length, body);
}
