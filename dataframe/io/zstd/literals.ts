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
/** Those of one stream that are decoded in one go, before the other streams' turn: fewer variables change places than symbol by symbol. */
const turns = [
  [0, 1],
  [2, 3, 4],
] as const;
/** Bytes of a stream that they take at most. */
const roundBytes = 7;

/** Streams of a block. */
const blockStreams = 4;

const of = (name: string, k: number) => `${name}${k}`;
const upTo = (count: number) => Array.from({ length: count }, (_, k) => k);

/** The parameters of block `g`. */
const parametersOf = (g: number) => [
  ...[of('table', g), ...upTo(blockStreams + 1).map(k => of('s', (blockStreams + 1) * g + k))],
  ...[of('out', g), of('part', g), of('end', g)],
];

/** Decodes the streams of so many blocks, or one stream. */
class Decoding {
  readonly parameters: readonly string[];
  readonly variables: readonly string[];
  readonly bits: readonly string[];
  readonly #streams: number;
  readonly #locals: ReturnType<typeof localsOf<string>>;

  constructor(streams: 1 | 4 | 8) {
    const all = upTo(streams);
    this.#streams = streams;
    this.parameters = upTo(Math.ceil(streams / blockStreams)).flatMap(parametersOf);
    // Of a stream: where its room ends, its place, and where it writes next.
    const own = ['e', 'p', 'o'].flatMap(name => all.map(k => of(name, k)));
    this.variables = [...own, 'rounds', 'most', 'n', 'at'];
    this.bits = all.map(k => of('b', k));
    this.#locals = localsOf<string>([...this.parameters, ...this.variables, ...this.bits]);
  }

  body(): Code {
    const all = upTo(this.#streams);
    const blocks = upTo(this.#streams / blockStreams).map(g =>
      all.slice(g * blockStreams, (g + 1) * blockStreams),
    );
    return statements(
      ...all.map(k => this.#begin(k)),
      this.#rounds(all),
      // The streams of one may be longer than those of the other.
      ...(blocks.length > 1 ? blocks.map(block => this.#rounds(block)) : []),
      ...all.map(k => this.#finish(k)),
      giveBack(int(0)),
    );
  }

  /** Of the block that stream k belongs to. */
  #block(name: string, k: number): Code {
    return this.#locals.get(of(name, Math.floor(k / blockStreams)));
  }

  #start(k: number): Code {
    return this.#locals.get(of('s', k + Math.floor(k / blockStreams)));
  }

  #end(k: number): Code {
    return this.#locals.get(of('s', k + Math.floor(k / blockStreams) + 1));
  }

  #stream(k: number) {
    return backwardBits(this.#locals, of('b', k), of('p', k), 'n');
  }

  #begin(k: number): Code {
    const { get, set } = this.#locals;
    const within = k % blockStreams;
    const last = within === blockStreams - 1 || k === this.#streams - 1;
    return statements(
      damaged(this.#stream(k).none(this.#start(k), this.#end(k))),
      this.#stream(k).begin(this.#end(k)),
      set(of('o', k), add(this.#block('out', k), mul(this.#block('part', k), int(within)))),
      set(of('e', k), last ? this.#block('end', k) : add(get(of('o', k)), this.#block('part', k))),
    );
  }

  /** One symbol of stream k to `i` bytes behind its place. */
  #symbol(k: number, i: number): Code {
    const { get, set } = this.#locals;
    const b = of('b', k);
    const next = shl(narrowed(shrWide(get(b), wide(64 - codeBits))), int(1));
    return statements(
      set('at', add(this.#block('table', k), next)),
      // Two loads are less than one and what takes its bytes apart.
      set(b, shlWide(get(b), loadWide8(get('at')))),
      storeAs(0, get(of('o', k)), load8(get('at'), 1), i),
    );
  }

  /** Rounds that all these streams have bytes for, and room. */
  #countRounds(streams: readonly number[]): Code {
    const { get, set } = this.#locals;
    // Quotients by 7 and by 5, or a little less.
    const share = (bytes: Code, by: number) => shrU(mul(bytes, int(Math.floor(65_536 / by))), int(16));
    const least = (value: Code) =>
      statements(
        set('most', value),
        set('rounds', select(ltU(get('most'), get('rounds')), get('most'), get('rounds'))),
      );
    const each = streams.map(k => {
      const place = get(of('p', k));
      const there = share(sub(place, this.#start(k)), roundBytes);
      return statements(
        when(ltU(place, this.#start(k)), set('rounds', int(0)), least(there)),
        least(share(sub(get(of('e', k)), get(of('o', k))), roundSymbols)),
      );
    });
    return statements(set('rounds', int(2 ** 16)), ...each);
  }

  /** Of the streams of a block: what is about one block is done before the other one's turn, as its variables are in registers then. */
  #round(streams: readonly number[]): Code {
    const { get, set } = this.#locals;
    return statements(
      ...turns.flatMap(turn => streams.flatMap(k => turn.map(i => this.#symbol(k, i)))),
      ...streams.map(k => this.#stream(k).refill),
      ...streams.map(k => set(of('o', k), add(get(of('o', k)), int(roundSymbols)))),
    );
  }

  /** Block after block within a round: more variables than those of four streams do not fit into the registers. */
  #rounds(streams: readonly number[]): Code {
    const { get, set } = this.#locals;
    const one = statements(
      this.#round(streams.slice(0, blockStreams)),
      this.#round(streams.slice(blockStreams)),
      set('rounds', sub(get('rounds'), int(1))),
    );
    return statements(
      this.#countRounds(streams),
      whileTrue(get('rounds'), statements(whileTrue(get('rounds'), one), this.#countRounds(streams))),
    );
  }

  /** What is left of a stream, and that it ends where it begins. */
  #finish(k: number): Code {
    const { get, set } = this.#locals;
    const [o, e] = [of('o', k), of('e', k)];
    return statements(
      whileTrue(
        ltU(get(o), get(e)),
        statements(
          this.#symbol(k, 0),
          this.#stream(k).refill,
          damaged(this.#stream(k).beyond(this.#start(k))),
          set(o, add(get(o), int(1))),
        ),
      ),
      damaged(this.#stream(k).left(this.#start(k))),
    );
  }
}

const damaged = (condition: Code) => when(condition, giveBack(int(1)));

/**
 * run(table, s0, s1, s2, s3, s4, out, part, end): decodes one Huffman coded stream at [s0, s1), or four of them that follow one another,
 * to [out, end), `part` bytes from each but the last. An entry of the table has the length of a code and, 8 bits higher, its symbol.
 * Gives 0 when the streams are exactly that. 8 bytes before the streams are touched. Four at a time, because the next symbol of one waits
 * for the length of the one before (RFC 8878, 4.2.2; how much fits into 64 bits is zstd's own decoder's way). Eight: those of two blocks,
 * whose parameters follow one another.
 */
export function literalsOver(memory: WasmMemory, streams: 1 | 4 | 8): WasmFunction {
  const decoding = new Decoding(streams);
  const { parameters, variables, bits } = decoding;
  return functionOver(memory, parameters.length, variables.length, decoding.body(), 0, bits.length);
}
