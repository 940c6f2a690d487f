import type { WasmFunction, WasmMemory } from '../../../core/base/kernel-memory.js';
import {
  add,
  and,
  type Code,
  clz,
  forever,
  functionOver,
  geU,
  giveBack,
  gtU,
  int,
  leaveWhen,
  load8,
  load32,
  loadAs,
  localsOf,
  ltU,
  mul,
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
import { add32, lane32, loadVector, storeVector, swizzled } from '../../codegen/wasm/vector-code.js';
import {
  addWide,
  andWide,
  gtUWide,
  loadElementWide,
  loadWide,
  ltUWide,
  narrowed,
  neWide,
  rotlWide,
  rotrWide,
  shlWide,
  shrWide,
  subWide,
  wide,
  widened,
} from '../../codegen/wasm/wide-code.js';
import { entryAt, entryLog2 } from './codes.js';

/** Sequences that are read before they are executed: they and the tables fit into the caches nearest to a core. */
const batch = 1024;
/** Bytes of a sequence that was read, and where they lie in it, 4 each; those behind it are of nobody. */
export const recordBytes = 16;
export const recordAt = { match: 0, literals: 4, back: 8 } as const;
/**
 * Bytes from the first table on at which those of the three kinds lie, and what else is read here. The last three distances are those of the
 * records before the first one.
 */
export const tablesAt = {
  literals: 0,
  distances: 8192,
  matches: 12_288,
  strides: 20_480,
  patterns: 20_496,
  repeats: 20_752,
  records: 20_800,
} as const;
/** Behind the records up to three of zeros are looked at. */
export const tablesBytes = tablesAt.records + recordBytes * (batch + 3);
/** Bits of the sizes of tables, packed into one number: this many for each. */
const sizeBits = 8;
/** The word's highest 8 bits may be none of those that are to come: so many are rolled before the first that is wanted. */
export const firstRoll = 8;
/** Bits that a word holds at least. */
const wordBits = 56;

// Of `l`iteral lengths, `m`atch lengths and `d`istances: the addresses of the entries of their states.
const parameters = 'tables sizes count start end lit litEnd q first stop'.split(' ');
const variables = 'la ma da n mask ll ml back from k record recordEnd more'.split(' ');
const vectors = ['sums', 'zero'] as const;
// The bits to come, for a while; those that a sequence takes; the address of the next one, in bits, and of the first one, less wordBits both.
const wides = ['word', 'all', 'place', 'least'] as const;
const locals = localsOf<string>([...parameters, ...variables, ...vectors, ...wides]);
const { get, set } = locals;
const damaged = (condition: Code) => when(condition, giveBack(int(0)));

/** All bits that a word holds are rolled to its low end when they are wanted: that takes one instruction instead of a shift there and one away. */
const refill = set(
  'word',
  rotrWide(loadWide(narrowed(shrWide(get('place'), wide(3)))), andWide(get('place'), wide(7))),
);
const roll = (count: Code) => set('word', rotlWide(get('word'), count));
const refillWhole = statements(refill, roll(wide(firstRoll)));
const taken = (count: Code) => set('place', subWide(get('place'), count));
const beyond = damaged(ltUWide(get('place'), get('least')));

const byteOf = (field: string, at: number) => loadElementWide('u8', get(field), at);
const size = (shift: number) => and(shrU(get('sizes'), int(shift)), int(2 ** sizeBits - 1));
const firstState = (field: string, table: number, shift: number) =>
  statements(
    set('n', size(shift)),
    roll(widened(get('n'))),
    set('mask', sub(shl(int(1), get('n')), int(1))),
    set('mask', shl(and(get('mask'), narrowed(get('word'))), int(entryLog2))),
    set(field, add(add(get('tables'), int(table)), get('mask'))),
    taken(widened(get('n'))),
  );
const begin = statements(
  damaged(not(ltU(get('start'), get('end')))),
  set('n', load8(sub(get('end'), int(1)))),
  damaged(not(get('n'))),
  set('least', subWide(shlWide(widened(get('start')), wide(3)), wide(wordBits))),
  // Above the highest 1 of the last byte there is nothing, and it itself is only a mark.
  set('n', add(sub(clz(get('n')), int(23)), int(wordBits))),
  set('place', subWide(shlWide(widened(get('end')), wide(3)), widened(get('n')))),
  refillWhole,
  firstState('la', tablesAt.literals, 0),
  firstState('da', tablesAt.distances, sizeBits),
  firstState('ma', tablesAt.matches, 2 * sizeBits),
  beyond,
);

const put = (value: Code, at: number) => store32(get('record'), value, at);
/** The mask is the left operand, as V8 then needs no copy of the word. */
const masked = (mask: Code) => and(mask, narrowed(get('word')));
/** The mask follows from what the code stands for, and has up to 30 bits. */
const distance = statements(
  roll(byteOf('da', entryAt.roll)),
  set('n', load32(get('da'), entryAt.value)),
  put(add(get('n'), masked(add(get('n'), int(2)))), recordAt.back),
);
const length = (field: string, at: number) =>
  statements(
    roll(byteOf(field, entryAt.roll)),
    set('mask', loadAs(1, get(field), entryAt.mask)),
    set('n', load32(get(field), entryAt.value)),
    put(add(get('n'), masked(get('mask'))), at),
  );
const lengths = statements(length('ma', recordAt.match), length('la', recordAt.literals));
/** At once a part of how many bits the next sequence takes: V8 leaves what nobody wants yet to the end, and copies the word for it. */
const nextState = (field: string, all: (bits: Code) => Code) =>
  statements(
    roll(byteOf(field, entryAt.nextRoll)),
    set('mask', loadAs(1, get(field), entryAt.nextMask)),
    set('n', load32(get(field), entryAt.next)),
    set(field, add(get('n'), masked(get('mask')))),
    set('all', all(byteOf(field, entryAt.all))),
  );
const plus = (bits: Code) => addWide(get('all'), bits);
const nextStates = statements(
  nextState('la', bits => bits),
  nextState('ma', plus),
  nextState('da', plus),
  set('record', add(get('record'), int(recordBytes))),
);

/** Of any length, and without the states: one word holds the distance, one the lengths. */
const longValues = statements(
  refill,
  distance,
  taken(byteOf('da', entryAt.bits)),
  beyond,
  refillWhole,
  lengths,
  taken(addWide(byteOf('ma', entryAt.bits), byteOf('la', entryAt.bits))),
);
const oneLong = statements(
  longValues,
  beyond,
  refillWhole,
  ...['da', 'ma', 'la'].map(field => taken(subWide(byteOf(field, entryAt.all), byteOf(field, entryAt.bits)))),
  beyond,
  nextStates,
);
const isMore = ltU(get('record'), get('recordEnd'));
/** Its opposite: V8 makes better code of a loop that this one ends. */
const isRead = geU(get('record'), get('recordEnd'));
/** Until one follows that a word may not hold. */
const manyShort = forever(
  statements(
    leaveWhen(gtUWide(get('all'), wide(wordBits))),
    refill,
    taken(get('all')),
    beyond,
    distance,
    lengths,
    nextStates,
    leaveWhen(isRead),
  ),
);
/** To the records up to `recordEnd`. */
const read = statements(
  set(
    'all',
    addWide(addWide(byteOf('la', entryAt.all), byteOf('ma', entryAt.all)), byteOf('da', entryAt.all)),
  ),
  whileTrue(isMore, statements(manyShort, when(isMore, oneLong))),
);
/** No state follows the last one. */
const readLast = statements(
  longValues,
  damaged(neWide(get('place'), get('least'))),
  set('record', add(get('record'), int(recordBytes))),
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
  set('sums', swizzled(loadVector(get('from')), loadVector(get('n'), tablesAt.patterns))),
  set('from', load8(add(get('tables'), get('back')), tablesAt.strides)),
  set('n', add(get('q'), get('ml'))),
  set('k', get('q')),
  whileTrue(
    ltU(get('k'), get('n')),
    statements(storeVector(get('k'), get('sums')), set('k', add(get('k'), get('from')))),
  ),
);

const records = add(get('tables'), int(tablesAt.records));
const firstRecord = set('record', records);
/** There are as many literals as all records tell of, and room; the sums of a batch do not overflow. */
const check = statements(
  ...[0, 1, 2].map(k => storeVector(get('record'), get('zero'), recordBytes * k)),
  set('recordEnd', get('record')),
  firstRecord,
  set('sums', get('zero')),
  whileTrue(
    isMore,
    statements(
      set(
        'sums',
        [0, 1, 2, 3].reduce<Code>(
          (sums, k) => add32(sums, loadVector(get('record'), recordBytes * k)),
          get('sums'),
        ),
      ),
      set('record', add(get('record'), int(4 * recordBytes))),
    ),
  ),
  set('ml', lane32(get('sums'), recordAt.match / 4)),
  set('ll', lane32(get('sums'), recordAt.literals / 4)),
  damaged(gtU(get('ll'), sub(get('litEnd'), get('lit')))),
  damaged(gtU(add(get('ll'), get('ml')), sub(get('stop'), get('q')))),
);

// 0 is beyond all of it.
const isTooFar = geU(sub(get('back'), int(1)), sub(get('q'), get('first')));
/** In a record so many before this one, from the third one before on. */
const backAt = (recordsBefore: number) => recordAt.back + recordBytes * (3 - recordsBefore);
const loadedBefore = (records: Code, recordsBefore: number) =>
  load32(sub(get('n'), shl(records, int(4))), backAt(recordsBefore));
/**
 * One of the last three distances, or the last one less 1: which one depends on whether there are literals before it. They are those of the
 * records before, which are put into the order in which the next one wants them.
 */
const repeated = statements(
  damaged(gtU(add(get('back'), int(2)), int(2))),
  set('k', add(add(get('back'), int(2)), not(get('ll')))),
  set('n', sub(get('record'), int(3 * recordBytes))),
  set('ml', sub(loadedBefore(int(0), 1), int(1))),
  set('back', select(gtU(get('k'), int(2)), get('ml'), loadedBefore(get('k'), 1))),
  set('ml', loadedBefore(ltU(get('k'), int(1)), 1)),
  set('from', loadedBefore(ltU(get('k'), int(2)), 2)),
  store32(get('n'), get('ml'), backAt(1)),
  store32(get('n'), get('from'), backAt(2)),
  store32(get('n'), get('back'), backAt(0)),
  damaged(isTooFar),
);

const execute = statements(
  set('ll', load32(get('record'), recordAt.literals)),
  wideCopy('q', 'lit', 'll', 4),
  set('q', add(get('q'), get('ll'))),
  set('lit', add(get('lit'), get('ll'))),
  set('back', load32(get('record'), recordAt.back)),
  when(isTooFar, repeated),
  set('from', sub(get('q'), get('back'))),
  set('ml', load32(get('record'), recordAt.match)),
  when(geU(get('back'), int(16)), wideCopy('q', 'from', 'ml', 1), narrow),
  set('q', add(get('q'), get('ml'))),
  set('record', add(get('record'), int(recordBytes))),
);
/** The last records, to the places before the first one. */
const keepRepeats = statements(
  set('n', sub(get('record'), int(3 * recordBytes))),
  ...[0, 1, 2].map(k =>
    storeVector(get('tables'), loadVector(get('n'), recordBytes * k), tablesAt.repeats + recordBytes * k),
  ),
);

const body = statements(
  begin,
  // The last one is read by itself.
  set('count', sub(get('count'), int(1))),
  set('more', int(1)),
  whileTrue(
    get('more'),
    statements(
      firstRecord,
      set('n', select(ltU(get('count'), int(batch - 1)), get('count'), int(batch - 1))),
      set('count', sub(get('count'), get('n'))),
      set('recordEnd', add(get('record'), mul(get('n'), int(recordBytes)))),
      read,
      set('more', get('count')),
      when(not(get('more')), readLast),
      check,
      firstRecord,
      forever(statements(leaveWhen(isRead), execute)),
      keepRepeats,
    ),
  ),
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
 * Many are read, and executed then: in one loop for both there are more variables than registers, and whatever is guessed wrong while they are
 * executed ends the reading of the next ones. 7 bytes before the bits are touched.
 */
export function sequencesOver(memory: WasmMemory): WasmFunction {
  return functionOver(memory, parameters.length, variables.length, body, vectors.length, wides.length);
}
