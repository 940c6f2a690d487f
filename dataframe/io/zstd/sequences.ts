import type { WasmFunction, WasmMemory } from '../../../core/base/kernel-memory.js';
import {
  add,
  and,
  type Code,
  functionOver,
  geU,
  giveBack,
  gtU,
  int,
  load8,
  load32,
  loadAs,
  localsOf,
  ltU,
  ne,
  not,
  select,
  shl,
  shrU,
  statements,
  store32,
  sub,
  when,
  whileTrue,
} from '../../codegen/wasm/assemble.js';
import { loadVector, storeVector, swizzled } from '../../codegen/wasm/vector-code.js';
import { backwardBits } from './bits.js';
import { entryLog2 } from './codes.js';

/** Bytes from the first table on at which those of the three kinds lie, and the last three distances. */
export const tablesAt = {
  literals: 0,
  distances: 4096,
  matches: 6144,
  repeats: 10_240,
  strides: 10_256,
  patterns: 10_272,
} as const;
export const tablesBytes = 10_272 + 256;
/** Bits of the sizes of tables, packed into one number: this many for each. */
const sizeBits = 8;

// Of `l`iteral lengths, `m`atch lengths and `d`istances: the state, the address of its entry, bits that are added to what that stands for.
const fields = [...['ls', 'ms', 'ds'], ...['la', 'ma', 'da'], ...['lb', 'mb', 'db']] as const;
const parameters = 'tables sizes count start end lit litEnd q first stop'.split(' ');
const variables = [...fields, ...'p n ll ml back from k wide r0 r1 r2'.split(' ')];
const locals = localsOf<string>([...parameters, ...variables, 'pattern', 'bits']);
const { get, set } = locals;
const damaged = (condition: Code) => when(condition, giveBack(int(0)));

const bits = backwardBits(locals, 'bits', 'p', 'n');
const { peek, drop } = bits;
const refill = statements(bits.refill, damaged(bits.beyond(get('start'))));
const state = (name: string, count: Code) => statements(set(name, peek(count)), drop(count));

const size = (shift: number) => and(shrU(get('sizes'), int(shift)), int(2 ** sizeBits - 1));

const begin = statements(
  damaged(bits.none(get('start'), get('end'))),
  bits.begin(get('end')),
  state('ls', size(0)),
  state('ds', size(sizeBits)),
  state('ms', size(2 * sizeBits)),
  ...[0, 1, 2].map(i => set(`r${i}`, load32(get('tables'), tablesAt.repeats + 4 * i))),
);

const shiftRepeats = statements(set('r2', get('r1')), set('r1', get('r0')));
/** One of the last three distances, or the last one less 1: which one depends on whether there are literals before it. */
const repeated = statements(
  set('k', add(get('back'), not(get('ll')))),
  when(
    get('k'),
    statements(
      set('back', select(ne(get('k'), int(1)), get('r2'), get('r1'))),
      set('back', select(ltU(get('k'), int(3)), get('back'), sub(get('r0'), int(1)))),
      when(ne(get('k'), int(1)), set('r2', get('r1'))),
      set('r1', get('r0')),
      set('r0', get('back')),
    ),
    set('back', get('r0')),
  ),
);

const entry = (at: string, s: string) => set(at, add(get('tables'), shl(get(s), int(entryLog2))));
const nextState = (s: string, at: string, table: number) =>
  statements(
    set('n', load8(get(at), table + 5)),
    set(s, add(loadAs(1, get(at), table + 6), peek(get('n')))),
    drop(get('n')),
  );

const decode = statements(
  refill,
  entry('la', 'ls'),
  entry('da', 'ds'),
  entry('ma', 'ms'),
  set('lb', load8(get('la'), tablesAt.literals + 4)),
  set('db', load8(get('da'), tablesAt.distances + 4)),
  set('mb', load8(get('ma'), tablesAt.matches + 4)),
  set('ll', load32(get('la'), tablesAt.literals)),
  set('back', add(load32(get('da'), tablesAt.distances), peek(get('db')))),
  drop(get('db')),
  when(gtU(get('db'), int(1)), statements(shiftRepeats, set('r0', get('back'))), repeated),
  // After a refill 56 bits may be dropped before the next; states take 26 at most.
  set('wide', gtU(add(add(get('db'), get('mb')), get('lb')), int(30))),
  when(get('wide'), refill),
  set('ml', add(load32(get('ma'), tablesAt.matches), peek(get('mb')))),
  drop(get('mb')),
  set('ll', add(get('ll'), peek(get('lb')))),
  drop(get('lb')),
  set('count', sub(get('count'), int(1))),
  when(
    get('count'),
    statements(
      when(get('wide'), refill),
      nextState('ls', 'la', tablesAt.literals),
      nextState('ms', 'ma', tablesAt.matches),
      nextState('ds', 'da', tablesAt.distances),
    ),
  ),
);

const move16 = (to: Code, from: Code) => storeVector(to, loadVector(from));
/** `length` bytes and some more: `sure` times 16 at once, because an end that is guessed wrong costs more than they do. */
const wideCopy = (to: string, from: string, length: string, sure: number) =>
  statements(
    ...Array.from({ length: sure }, (_, i) => storeVector(get(to), loadVector(get(from), 16 * i), 16 * i)),
    when(
      gtU(get(length), int(16 * sure)),
      statements(
        set('k', int(16 * sure)),
        whileTrue(
          ltU(get('k'), get(length)),
          statements(
            move16(add(get(to), get('k')), add(get(from), get('k'))),
            set('k', add(get('k'), int(16))),
          ),
        ),
      ),
    ),
  );

/** What repeats within 16 bytes: as many bytes of repetitions as fit into a vector, again and again. */
const narrow = statements(
  set('n', add(get('tables'), shl(get('back'), int(4)))),
  set('pattern', swizzled(loadVector(get('from')), loadVector(get('n'), tablesAt.patterns))),
  set('from', load8(add(get('tables'), get('back')), tablesAt.strides)),
  set('n', add(get('q'), get('ml'))),
  set('k', get('q')),
  whileTrue(
    ltU(get('k'), get('n')),
    statements(storeVector(get('k'), get('pattern')), set('k', add(get('k'), get('from')))),
  ),
);

const execute = statements(
  damaged(gtU(get('ll'), sub(get('litEnd'), get('lit')))),
  damaged(gtU(add(get('ll'), get('ml')), sub(get('stop'), get('q')))),
  wideCopy('q', 'lit', 'll', 4),
  set('q', add(get('q'), get('ll'))),
  set('lit', add(get('lit'), get('ll'))),
  // 0 is beyond all of it.
  damaged(geU(sub(get('back'), int(1)), sub(get('q'), get('first')))),
  set('from', sub(get('q'), get('back'))),
  when(geU(get('back'), int(16)), wideCopy('q', 'from', 'ml', 1), narrow),
  set('q', add(get('q'), get('ml'))),
);

const body = statements(
  begin,
  whileTrue(get('count'), statements(decode, execute)),
  damaged(bits.left(get('start'))),
  ...[0, 1, 2].map(i => store32(get('tables'), get(`r${i}`), tablesAt.repeats + 4 * i)),
  set('n', sub(get('litEnd'), get('lit'))),
  damaged(gtU(get('n'), sub(get('stop'), get('q')))),
  wideCopy('q', 'lit', 'n', 1),
  giveBack(add(get('q'), get('n'))),
);

/** The logarithms of the tables' sizes as one number. */
export function packSizes(literals: number, distances: number, matches: number): number {
  return literals | (distances << sizeBits) | (matches << (2 * sizeBits));
}

/**
 * run(tables, sizes, count, start, end, lit, litEnd, q, first, stop): decodes `count` sequences, at least one, from the bits at
 * [start, end), and executes them: each is literals from [lit, litEnd), and a match, which repeats what was written `back` bytes before (RFC 8878, 3.1.1.3.2
 * and 3.1.1.4). Literals that are left come last. Writes to [q, stop), and up to 64 bytes behind; matches reach back to `first`.
 * Gives the address behind the last byte, or 0 when the bits are damaged.
 */
export function sequencesOver(memory: WasmMemory): WasmFunction {
  return functionOver(memory, parameters.length, variables.length, body, 1, 1);
}
