import type { WasmFunction, WasmMemory } from '../../../core/base/kernel-memory.js';
import {
  add,
  and,
  type Code,
  clz,
  fillBytes,
  functionOver,
  giveBack,
  gtU,
  int,
  load8,
  load32,
  loadAs,
  localsOf,
  ltU,
  mul,
  ne,
  not,
  or,
  shl,
  shrU,
  statements,
  store32,
  storeAs,
  sub,
  when,
  whileTrue,
} from '../../codegen/wasm/assemble.js';
import { backwardBits } from './bits.js';

/** Bytes of an entry of a table of FSE's: one for each state. */
export const entryLog2 = 4;
/**
 * Where they lie in it: what the code stands for (4 bytes); which bits are added to it, at most 16, and which ones to `next` (2 each); the address of the first
 * entry that may be next (4); and how many bits (1 each): those that are added, both together, and what is rolled for the value and for the state, which is
 * as many and what the reader of the table wants besides.
 */
export const entryAt = {
  value: 0,
  mask: 4,
  nextMask: 6,
  next: 8,
  roll: 12,
  nextRoll: 13,
  all: 14,
  bits: 15,
} as const;
/** Of the last four bytes, as one number: where this one begins. */
const bitAt = (name: 'nextRoll' | 'all') => 8 * (entryAt[name] - entryAt.roll);
/** Of a Huffman code, at most; every table has an entry for each number of so many bits. */
export const codeBits = 11;
/** A probability of "less than 1", of 16 bits. */
const rare = 0xffff;
/** Weights that are told: the last one follows from them. */
const mostWeights = 255;

/**
 * run(counts, symbols, log, meanings, out, nexts, spread): the table of 2^log states of FSE (RFC 8878, 4.1.1). counts: the probabilities of the symbols,
 * 16 bits each, 2^log together; meanings: of each symbol, an entry, as it would be if no bits told the next state; nexts, spread: room for two bytes a symbol, and for one a state.
 */
export function statesOver(memory: WasmMemory): WasmFunction {
  const parameters = ['counts', 'symbols', 'log', 'meanings', 'out', 'nexts', 'spread'] as const;
  const variables = [
    'size',
    'high',
    'step',
    's',
    'at',
    'place',
    'count',
    'next',
    'bits',
    'meaning',
    'table',
  ] as const;
  const { get, set } = localsOf([...parameters, ...variables]);
  const last = sub(get('size'), int(1));
  const isRare = not(ne(get('count'), int(rare)));
  const of = (name: 'counts' | 'nexts') => add(get(name), shl(get('s'), int(1)));
  const forSymbols = (body: Code) => {
    const count = set('count', loadAs(1, of('counts')));
    return forEach('s', get('symbols'), statements(count, body));
  };
  const forEach = (name: 's' | 'at', end: Code, body: Code) =>
    statements(
      set(name, int(0)),
      whileTrue(ltU(get(name), end), statements(body, set(name, add(get(name), int(1))))),
    );
  const put = (state: Code) => storeAs(0, add(get('spread'), state), get('s'), 0);
  const advance = set('at', and(add(get('at'), get('step')), last));
  const putRare = statements(put(get('high')), set('high', sub(get('high'), int(1))), set('count', int(1)));
  const putOthers = whileTrue(
    get('count'),
    statements(
      put(get('at')),
      advance,
      whileTrue(gtU(get('at'), get('high')), advance),
      set('count', sub(get('count'), int(1))),
    ),
  );
  const entry = statements(
    set('s', load8(add(get('spread'), get('at')))),
    set('place', of('nexts')),
    set('next', loadAs(1, get('place'))),
    storeAs(1, get('place'), add(get('next'), int(1)), 0),
    set('bits', sub(get('log'), sub(int(31), clz(get('next'))))),
    set('next', sub(shl(get('next'), get('bits')), get('size'))),
    set('meaning', add(get('meanings'), shl(get('s'), int(entryLog2)))),
    store32(get('out'), load32(get('meaning'))),
    set('count', mul(get('bits'), int((1 << bitAt('nextRoll')) | (1 << bitAt('all'))))),
    store32(get('out'), add(load32(get('meaning'), entryAt.roll), get('count')), entryAt.roll),
    set('count', shl(sub(shl(int(1), get('bits')), int(1)), int(entryLog2 + 16))),
    store32(get('out'), or(load32(get('meaning'), entryAt.mask), get('count')), entryAt.mask),
    store32(get('out'), add(get('table'), shl(get('next'), int(entryLog2))), entryAt.next),
    set('out', add(get('out'), int(1 << entryLog2))),
  );
  const body = statements(
    set('size', shl(int(1), get('log'))),
    set('table', get('out')),
    set('high', last),
    set('step', add(add(shrU(get('size'), int(1)), shrU(get('size'), int(3))), int(3))),
    forSymbols(statements(when(isRare, putRare), storeAs(1, of('nexts'), get('count'), 0))),
    forSymbols(when(not(isRare), putOthers)),
    forEach('at', get('size'), entry),
    giveBack(int(0)),
  );
  return functionOver(memory, parameters.length, variables.length, body);
}

/**
 * run(entries, log, start, end, out): decodes the weights of a Huffman code (RFC 8878, 4.2.1.2) by two states in turn from a table of 2^log states, until the
 * bits at [start, end) are used up. Gives their number, or 0 when the bits are damaged.
 */
export function weightsOver(memory: WasmMemory): WasmFunction {
  const parameters = ['entries', 'log', 'start', 'end', 'out'] as const;
  const variables = ['state', 'other', 'count', 'place', 'used'] as const;
  const locals = localsOf<string>([...parameters, ...variables, 'bits']);
  const { get, set } = locals;
  const bits = backwardBits(locals, 'bits', 'place', 'used');
  /** The state, as the address of its entry. */
  const take = (name: string, count: Code, more: Code) =>
    statements(set(name, add(more, shl(bits.peek(count), int(entryLog2)))), bits.drop(count));
  const emit = (state: string) =>
    statements(
      storeAs(0, add(get('out'), get('count')), load8(get(state)), 0),
      set('count', add(get('count'), int(1))),
    );
  const isOver = shrU(bits.left(get('start')), int(31));
  const body = statements(
    when(bits.none(get('start'), get('end')), giveBack(int(0))),
    bits.begin(get('end')),
    take('state', get('log'), get('entries')),
    take('other', get('log'), get('entries')),
    whileTrue(
      ltU(get('count'), int(mostWeights - 1)),
      statements(
        emit('state'),
        bits.refill,
        set('used', load8(get('state'), entryAt.nextRoll)),
        take('state', get('used'), load32(get('state'), entryAt.next)),
        when(isOver, statements(emit('other'), giveBack(get('count')))),
        set('used', get('state')),
        set('state', get('other')),
        set('other', get('used')),
      ),
    ),
    giveBack(int(0)),
  );
  return functionOver(memory, parameters.length, variables.length, body, 0, 1);
}

const huffmanParameters = ['weights', 'count', 'table', 'firsts'] as const;
const huffmanVariables = ['s', 'weight', 'total', 'most', 'at', 'place', 'n', 'end'] as const;
const huffman = localsOf([...huffmanParameters, ...huffmanVariables]);
/** Of a weight: the place where it is counted, and where then the next of its codes begins. */
const weightPlace = huffman.set('place', add(huffman.get('firsts'), shl(huffman.get('weight'), int(1))));
const atPlace = loadAs(1, huffman.get('place'));
/** Entries of a code of this weight. */
const weightEntries = shl(int(1), sub(add(huffman.get('weight'), int(codeBits - 1)), huffman.get('most')));

/** Writes the entries of symbol `s`, two at a time. */
function codeEntries(): Code {
  const { get, set } = huffman;
  return statements(
    weightPlace,
    set('at', add(get('table'), shl(atPlace, int(1)))),
    set('n', weightEntries),
    storeAs(1, get('place'), add(atPlace, get('n')), 0),
    set('weight', or(shl(get('s'), int(8)), sub(add(get('most'), int(1)), get('weight')))),
    set('end', add(get('at'), shl(get('n'), int(1)))),
    storeAs(1, get('at'), get('weight'), 0),
    set('weight', mul(get('weight'), int(0x10001))),
    when(
      gtU(get('n'), int(1)),
      whileTrue(
        ltU(get('at'), get('end')),
        statements(store32(get('at'), get('weight')), set('at', add(get('at'), int(4)))),
      ),
    ),
  );
}

/**
 * run(weights, count, table, firsts): adds the last weight to those there, and writes the table of their Huffman code (RFC 8878, 4.2.1): for each number of
 * codeBits bits the length of the code that it begins with and, 8 bits higher, its symbol. firsts: room for 32 bytes. Gives 0 when they make no such code.
 */
export function huffmanOver(memory: WasmMemory): WasmFunction {
  const { get, set } = huffman;
  const damaged = (condition: Code) => when(condition, giveBack(int(0)));
  const count = statements(weightPlace, storeAs(1, get('place'), add(atPlace, int(1)), 0));
  const forWeights = (body: Code) =>
    statements(
      set('s', int(0)),
      whileTrue(
        ltU(get('s'), get('count')),
        statements(
          set('weight', load8(add(get('weights'), get('s')))),
          body,
          set('s', add(get('s'), int(1))),
        ),
      ),
    );
  const body = statements(
    fillBytes(get('firsts'), int(0), int(32)),
    forWeights(
      statements(
        damaged(gtU(get('weight'), int(codeBits))),
        set('total', add(get('total'), shrU(shl(int(1), get('weight')), int(1)))),
        count,
      ),
    ),
    set('most', sub(int(32), clz(get('total')))),
    damaged(or(not(get('total')), gtU(get('most'), int(codeBits)))),
    // What is missing to a power of two is the last one's share, a power of two, too.
    set('n', sub(shl(int(1), get('most')), get('total'))),
    damaged(and(get('n'), sub(get('n'), int(1)))),
    set('weight', sub(int(32), clz(get('n')))),
    storeAs(0, add(get('weights'), get('count')), get('weight'), 0),
    count,
    set('count', add(get('count'), int(1))),
    // Longer codes come first, those of one length in the order of their symbols.
    set('at', int(0)),
    set('weight', int(1)),
    whileTrue(
      not(gtU(get('weight'), get('most'))),
      statements(
        weightPlace,
        set('n', mul(atPlace, weightEntries)),
        storeAs(1, get('place'), get('at'), 0),
        set('at', add(get('at'), get('n'))),
        set('weight', add(get('weight'), int(1))),
      ),
    ),
    forWeights(when(get('weight'), codeEntries())),
    giveBack(int(1)),
  );
  return functionOver(memory, huffmanParameters.length, huffmanVariables.length, body);
}
