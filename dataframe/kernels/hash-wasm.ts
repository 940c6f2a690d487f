import type { KernelMemory, WasmFunction, WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  type Code,
  functionFor,
  functionOver,
  giveBack,
  int,
  load32,
  loadAs,
  localsOf,
  ltU,
  mul,
  shl,
  statements,
  store32,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import {
  loadVector,
  mixed,
  mul32,
  narrowU32,
  shrS32,
  shrU32,
  splat32,
  storeVector,
  vectorsOf,
  xorVectors,
} from '../codegen/wasm/vector-code.js';
import { hasVectors } from '../codegen/wasm/vectors.js';
import type { Column, Physical } from '../column/column.js';
import { bytesOfValues } from '../column/layout.js';
import { countedRows, countFew, countWords, fewSlices } from './count-wasm.js';
import { hashFactors } from './hash-words.js';
import type { Lent } from './lent.js';

const hashed: ReadonlySet<Physical> = new Set<Physical>(['i32', 'u32', 'i64']);
/** Bytes of the lower and of the upper words of two pairs of words in each of two vectors. */
const [lowBytes, highBytes] = [0, 4].map(from =>
  [0, 8, 16, 24].flatMap(pair => [0, 1, 2, 3].map(byte => pair + from + byte)),
) as [number[], number[]];
/** Rows of one step: a vector of 16-bit slices. */
const stepRows = 8;
/** So many are lent of the lane's memory, not of the heap. */
const leastInts = 4096;

/**
 * The first part of dealRows for keys of integers without nulls that lie in the lane's memory, eight rows at a time.
 * Gives how many rows it did, which may be none.
 */
export function dealByVectors(
  home: KernelMemory,
  keys: readonly Column[],
  rows: number,
  slice: Uint16Array,
  counts: Int32Array,
  lent: Lent,
): number {
  const lies = (array: ArrayBufferView) => array.buffer === home.buffer;
  if (!hasVectors() || !lies(slice)) return 0;
  for (const { physical, validity, values } of keys) {
    if (!hashed.has(physical) || validity !== null || !lies(values)) return 0;
  }
  const fanOut = counts.length;
  const few = fanOut <= fewSlices;
  const words = lent.ints(Math.max(leastInts, countWords, 2 * fanOut));
  if (!lies(words)) return 0;
  const done = rows - (rows % (few ? countedRows : stepRows));
  const addresses = keys.map(({ values }) => values.byteOffset);
  const key = `hash ${few ? 'few ' : ''}${keys.map(({ physical }) => physical).join()}`;
  const hash = functionFor(home.memory, key, () => makeHasher(home.memory, keys, !few));
  hash(slice.byteOffset, done, words.byteOffset, fanOut, ...addresses);
  if (few) countFew(home, slice, done, counts, words);
  else for (let s = 0; s < fanOut; s++) counts[s] = words[2 * s]! + words[2 * s + 1]!;
  return done;
}

/**
 * hash(slices, rows, counts, fanOut, ...keys). Where it `counts`, it does so by turns in two numbers a slice: one would wait for
 * itself.
 */
function makeHasher(memory: WasmMemory, keys: readonly Column[], counts: boolean): WasmFunction {
  const named = keys.map((_, k) => `key${k}`);
  const names = ['slice', 'rows', 'counts', 'fanOut', ...named, 'end', 'count'];
  const { get, set } = localsOf(names);
  const vectors = vectorsOf(['first', 'second', 'word', 'fans'], names.length);
  const counted = Array.from({ length: stepRows }, (_, k): Code => {
    const at = 4 * (k & 1);
    return [
      ...set('count', add(get('counts'), shl(loadAs(1, get('slice'), 2 * k), int(3)))),
      ...store32(get('count'), add(load32(get('count'), at), int(1)), at),
    ];
  });
  const body = statements(
    vectors.set('fans', splat32(get('fanOut'))),
    set('end', add(get('slice'), mul(get('rows'), int(2)))),
    whileTrue(
      ltU(get('slice'), get('end')),
      statements(
        ...(['first', 'second'] as const).map((name, half) => sliceOf(keys, name, half)),
        storeVector(get('slice'), narrowU32(vectors.get('first'), vectors.get('second'))),
        ...(counts ? counted : []),
        set('slice', add(get('slice'), int(2 * stepRows))),
        ...named.map((name, k) => set(name, add(get(name), int(bytesOfValues(keys[k]!.physical, stepRows))))),
      ),
    ),
    giveBack(int(0)),
  );
  return functionOver(memory, 4 + keys.length, 2, body, 4);

  function wordsOf(key: Code, offset: number, signed: boolean): Code[] {
    const sign = mul32(shrS32(vectors.get('word'), 31), splat32(int(hashFactors.high)));
    const word = vectors.set('word', loadVector(key, offset));
    return signed ? [word, vectors.set('word', xorVectors(vectors.get('word'), sign))] : [word];
  }

  function wordsOfPairs(key: Code, offset: number): Code[] {
    const [low, high] = [lowBytes, highBytes].map(bytes =>
      mixed(loadVector(key, offset), loadVector(key, offset + 16), bytes),
    ) as [Code, Code];
    return [vectors.set('word', xorVectors(low, mul32(high, splat32(int(hashFactors.high)))))];
  }

  /** What hash.ts does to a row, to four at a time. */
  function sliceOf(columns: readonly Column[], name: 'first' | 'second', half: number): Code {
    const hash = vectors.get(name);
    const times = (factor: number) => vectors.set(name, mul32(hash, splat32(int(factor))));
    const folded = (bits: number) => vectors.set(name, xorVectors(hash, shrU32(hash, bits)));
    const taken = columns.map(({ physical }, k): Code => {
      const key = get(`key${k}`);
      return statements(
        ...(physical === 'i64' ? wordsOfPairs(key, 32 * half) : wordsOf(key, 16 * half, physical === 'i32')),
        vectors.set(name, k === 0 ? vectors.get('word') : xorVectors(hash, vectors.get('word'))),
        times(hashFactors.word),
        folded(15),
      );
    });
    const [a, b] = hashFactors.last;
    return statements(
      ...taken,
      times(a),
      folded(13),
      times(b),
      folded(16),
      vectors.set(name, shrU32(mul32(shrU32(hash, 16), vectors.get('fans')), 16)),
    );
  }
}
