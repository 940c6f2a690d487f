import type { WasmFunction, WasmMemory } from '../../../core/base/kernel-memory.js';
import {
  add,
  type Code,
  functionOver,
  giveBack,
  int,
  load8,
  localsOf,
  ltU,
  mul,
  select,
  shl,
  shrU,
  statements,
  storeAs,
  sub,
  when,
  whileTrue,
} from '../../codegen/wasm/assemble.js';
import { loadWide8, narrowed, shlWide, shrWide, wide } from '../../codegen/wasm/wide-code.js';
import { backwardBits } from './bits.js';
import { codeBits } from './codes.js';

/** Symbols that are decoded between two looks at where a stream ends: five codes fit into what 64 bits hold at least. */
const roundSymbols = 5;
/** Bytes of a stream that they take at most. */
const roundBytes = 7;

const starts = ['s0', 's1', 's2', 's3', 's4'] as const;
const ends = ['e0', 'e1', 'e2', 'e3'] as const;
const places = ['p0', 'p1', 'p2', 'p3'] as const;
const outs = ['o0', 'o1', 'o2', 'o3'] as const;
const bits = ['b0', 'b1', 'b2', 'b3'] as const;
const parameters = ['table', ...starts, 'out', 'part', 'end'] as const;
const variables = [...ends, ...places, ...outs, 'rounds', 'most', 'n', 'at'] as const;
const locals = localsOf<string>([...parameters, ...variables, ...bits]);
const { get, set } = locals;
const damaged = (condition: Code) => when(condition, giveBack(int(1)));

const stream = (k: number) => backwardBits(locals, bits[k]!, places[k]!, 'n');

function begin(k: number, streams: number): Code {
  const [start, end] = [get(starts[k]!), get(starts[k + 1]!)];
  return statements(
    damaged(stream(k).none(start, end)),
    stream(k).begin(end),
    set(outs[k]!, add(get('out'), mul(get('part'), int(k)))),
    set(ends[k]!, k === streams - 1 ? get('end') : add(get(outs[k]!), get('part'))),
  );
}

/** One symbol of stream k to `i` bytes behind its place. */
function symbol(k: number, i: number): Code {
  const b = bits[k]!;
  const at = add(get('table'), shl(narrowed(shrWide(get(b), wide(64 - codeBits))), int(1)));
  return statements(
    set('at', at),
    // Two loads are less than one and what takes its bytes apart.
    set(b, shlWide(get(b), loadWide8(get('at')))),
    storeAs(0, get(outs[k]!), load8(get('at'), 1), i),
  );
}

/** Rounds that all streams have bytes for, and room. */
function countRounds(streams: number): Code {
  const each = Array.from({ length: streams }, (_, k) => {
    const there = sub(get(places[k]!), get(starts[k]!));
    // Quotients by 7 and by 5, or a little less.
    const share = (bytes: Code, by: number) => shrU(mul(bytes, int(Math.floor(65_536 / by))), int(16));
    const least = (value: Code) =>
      statements(
        set('most', value),
        set('rounds', select(ltU(get('most'), get('rounds')), get('most'), get('rounds'))),
      );
    return statements(
      when(ltU(get(places[k]!), get(starts[k]!)), set('rounds', int(0)), least(share(there, roundBytes))),
      least(share(sub(get(ends[k]!), get(outs[k]!)), roundSymbols)),
    );
  });
  return statements(set('rounds', int(2 ** 16)), ...each);
}

function rounds(streams: number): Code {
  const all = Array.from({ length: streams }, (_, k) => k);
  const one = statements(
    ...Array.from({ length: roundSymbols }, (_, i) => all.map(k => symbol(k, i))).flat(),
    ...all.map(k => stream(k).refill),
    ...all.map(k => set(outs[k]!, add(get(outs[k]!), int(roundSymbols)))),
    set('rounds', sub(get('rounds'), int(1))),
  );
  return statements(
    countRounds(streams),
    whileTrue(get('rounds'), statements(whileTrue(get('rounds'), one), countRounds(streams))),
  );
}

/** What is left of a stream, and that it ends where it begins. */
function finish(k: number): Code {
  return statements(
    whileTrue(
      ltU(get(outs[k]!), get(ends[k]!)),
      statements(
        symbol(k, 0),
        stream(k).refill,
        damaged(stream(k).beyond(get(starts[k]!))),
        set(outs[k]!, add(get(outs[k]!), int(1))),
      ),
    ),
    damaged(stream(k).left(get(starts[k]!))),
  );
}

/**
 * run(table, s0, s1, s2, s3, s4, out, part, end): decodes one Huffman coded stream at [s0, s1), or four of them that follow one another,
 * to [out, end), `part` bytes from each but the last. An entry of the table has the length of a code and, 8 bits higher, its symbol.
 * Gives 0 when the streams are exactly that. 8 bytes before the streams are touched. Four at a time, because the next symbol of one waits
 * for the length of the one before (RFC 8878, 4.2.2; how much fits into 64 bits is zstd's own decoder's way).
 */
export function literalsOver(memory: WasmMemory, streams: 1 | 4): WasmFunction {
  const all = Array.from({ length: streams }, (_, k) => k);
  const body = statements(
    ...all.map(k => begin(k, streams)),
    rounds(streams),
    ...all.map(finish),
    giveBack(int(0)),
  );
  return functionOver(memory, parameters.length, variables.length, body, 0, bits.length);
}
