import { type KernelMemory, kernelMemory } from '../../../core/base/kernel-memory.js';
import {
  add,
  and,
  type Code,
  functionFor,
  functionOver,
  geU,
  giveBack,
  gtU,
  int,
  load8,
  load32,
  localsOf,
  mul,
  or,
  select,
  shl,
  shrU,
  statements,
  storeAs,
  sub,
  when,
  whileTrue,
} from '../../codegen/wasm/assemble.js';
import {
  add16,
  anyTrue,
  orVectors,
  splat16,
  storeVector,
  subSatU16,
} from '../../codegen/wasm/vector-code.js';
import { hasVectors } from '../../codegen/wasm/vectors.js';
import { eightFields } from './hybrid-vectors.js';
import { runHeader } from './run-header.js';

/** Codes of more bits are not unpacked to two bytes. */
export const widestCode = 16;
/** Fields of a vector, and of a step: those come to whole bytes. */
const groupFields = 8;
const stepGroups = 4;

const parameters = ['p', 'end', 'out', 'count', 'base', 'entries'] as const;
const variables = ['head', 'shift', 'run', 'left', 'bit', 'c', 'next', 'seen'] as const;
const vectors = ['fields', 'limit', 'bases', 'wrong'] as const;
const locals = localsOf<string>([...parameters, ...variables, ...vectors]);
const { get, set } = locals;
const step = (name: string, by: Code) => set(name, add(get(name), by));
/** What the function gives back. */
const [unpacked, failed] = [0, 1];
const fails = (condition: Code) => when(condition, giveBack(int(failed)));

/** `body` as often as `counter` says, which is 0 in the end. */
function times(counter: string, body: Code): Code {
  return whileTrue(get(counter), statements(body, set(counter, sub(get(counter), int(1)))));
}

/** Fields that are no less than `entries` leave something in `wrong`. */
function storeGroup(width: number, g: number): Code {
  return statements(
    set('fields', eightFields(get('p'), width, g)),
    set('wrong', orVectors(get('wrong'), subSatU16(get('fields'), get('limit')))),
    storeVector(get('out'), add16(get('fields'), get('bases')), 2 * groupFields * g),
  );
}

/** `groups` groups at a time, for as long as there are so many. */
function byGroups(width: number, groups: number): Code {
  return whileTrue(
    geU(get('run'), int(groups)),
    statements(
      ...Array.from({ length: groups }, (_, g) => storeGroup(width, g)),
      step('p', int(groups * width)),
      step('out', int(2 * groupFields * groups)),
      set('run', sub(get('run'), int(groups))),
    ),
  );
}

const storeOne = statements(storeAs(1, get('out'), add(get('c'), get('base')), 0), step('out', int(2)));

/** Groups of eight fields, then fields of one more where fewer are wanted: a run may claim padding that is not there. */
function packed(width: number): Code {
  const word = load32(add(get('p'), shrU(get('bit'), int(3))));
  const field = set('c', and(shrU(word, and(get('bit'), int(7))), int(2 ** width - 1)));
  // Below 0 as long as each code is less than `entries`: neither has 31 bits.
  const check = set('seen', and(get('seen'), sub(get('c'), get('entries'))));
  const groups = shrU(get('count'), int(3));
  const bytes = add(mul(get('run'), int(width)), shrU(add(mul(get('left'), int(width)), int(7)), int(3)));
  return statements(
    set('left', select(gtU(get('run'), groups), and(get('count'), int(groupFields - 1)), int(0))),
    set('run', select(gtU(get('run'), groups), groups, get('run'))),
    fails(gtU(bytes, sub(get('end'), get('p')))),
    set('count', sub(get('count'), add(shl(get('run'), int(3)), get('left')))),
    byGroups(width, stepGroups),
    byGroups(width, 1),
    set('bit', int(0)),
    times('left', statements(field, check, storeOne, step('bit', int(width)))),
  );
}

function repeated(width: number): Code {
  const bytes = (width + 7) >> 3;
  const value = Array.from({ length: bytes }, (_, k) => shl(load8(get('p'), k), int(8 * k))).reduce(or);
  return statements(
    fails(gtU(int(bytes), sub(get('end'), get('p')))),
    set('c', value),
    step('p', int(bytes)),
    fails(geU(get('c'), get('entries'))),
    set('run', select(gtU(get('run'), get('count')), get('count'), get('run'))),
    set('count', sub(get('count'), get('run'))),
    times('run', storeOne),
  );
}

function bodyFor(width: number): Code {
  return statements(
    set('seen', int(-1)),
    set('limit', splat16(sub(get('entries'), int(1)))),
    set('bases', splat16(get('base'))),
    whileTrue(
      get('count'),
      statements(runHeader(locals, failed), when(and(get('head'), int(1)), packed(width), repeated(width))),
    ),
    fails(anyTrue(get('wrong'))),
    giveBack(select(shrU(get('seen'), int(31)), int(unpacked), int(failed))),
  );
}

function kernel({ memory }: KernelMemory, width: number) {
  return functionFor(memory, `look up ${width}`, () =>
    functionOver(memory, parameters.length, variables.length, bodyFor(width), vectors.length),
  );
}

/**
 * The codes of a run-length / bit-packed page in bytes[from, to), each `base` more, to out[at, at + count). All of them lie in the lane's
 * memory. False: it cannot, or the page is damaged, a code of `entries` or more among it.
 */
export function unpackCodes(
  bytes: Uint8Array,
  from: number,
  width: number,
  entries: number,
  base: number,
  out: Uint16Array,
  at: number,
  count: number,
): boolean {
  if (width === 0) {
    out.fill(base, at, at + count);
    return entries > 0;
  }
  const home = kernelMemory();
  if (home === null || width > widestCode || entries === 0 || !hasVectors()) return false;
  const { buffer } = home;
  if (bytes.buffer !== buffer || out.buffer !== buffer) return false;
  const p = bytes.byteOffset + from;
  const end = bytes.byteOffset + bytes.length;
  return kernel(home, width)(p, end, out.byteOffset + 2 * at, count, base, entries) === unpacked;
}
