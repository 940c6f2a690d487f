import { kernelMemory, type WasmFunction, type WasmMemory } from '../../../core/base/kernel-memory.js';
import { limits } from '../../../core/base/limits.js';
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
  loadAs,
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
import { hasVectors } from '../../codegen/wasm/vectors.js';
import type { Values } from '../../column/column.js';
import {
  byteTableAt,
  type ValueForm,
  type VectorLoop,
  vectorLoop,
  vectorNames,
  widestBytes,
  workBytes,
} from './hybrid-vectors.js';
import { runHeader } from './run-header.js';

/** A field lies in the four bytes from its first one on up to this width. */
const widest = 25;
/** Fewer values are unpacked sooner than a table is copied. */
const fewValues = 256;
/** Bytes behind the last one that are touched, but not looked at. */
const slack = 16;
/** Fields that are written out one after another: a whole number of bytes. */
const fields = 8;

const parameters = ['p', 'end', 'out', 'count', 'work', 'table', 'entries'] as const;
const variables = ['head', 'shift', 'run', 'left', 'bit', 'c', 'seen', 'next'] as const;
type Name = (typeof parameters)[number] | (typeof variables)[number];
const locals = localsOf<string>([...parameters, ...variables, ...vectorNames]);
const { get, set }: ReturnType<typeof localsOf<Name>> = locals;
const step = (name: Name, by: Code) => set(name, add(get(name), by));

/** `body` as often as `counter` says, which is 0 in the end. */
const times = (counter: Name, body: Code) =>
  whileTrue(get(counter), statements(body, set(counter, sub(get(counter), int(1)))));

/** What the function gives back. */
const [unpacked, tooShort, beyond] = [0, 1, 2];
const fails = (condition: Code, why: number) => when(condition, giveBack(int(why)));

const header = runHeader(locals, tooShort);

/** How a value of this width gets from its code to where it belongs. */
class Unpacking {
  readonly #width: number;
  readonly #sizeLog2: number;
  /** Values are entries of a table; else the codes themselves. */
  readonly #looksUp: boolean;
  readonly #vectors: VectorLoop | null;

  /** `vectors`: whether the processor has them. */
  constructor(width: number, sizeLog2: number, form: ValueForm, vectors: boolean) {
    this.#width = width;
    this.#sizeLog2 = sizeLog2;
    this.#looksUp = form !== 'codes';
    const fits = this.#looksUp ? sizeLog2 >= 2 : sizeLog2 === 2;
    this.#vectors = vectors && fits ? vectorLoop(locals, width, sizeLog2, form) : null;
  }

  body(): Code {
    const vectors = this.#vectors;
    return statements(
      set('seen', int(-1)),
      vectors?.begin ?? [],
      whileTrue(
        get('count'),
        statements(header, when(and(get('head'), int(1)), this.#packed(), this.#repeated())),
      ),
      fails(vectors?.wrong ?? int(0), beyond),
      giveBack(
        this.#looksUp ? select(shrU(get('seen'), int(31)), int(unpacked), int(beyond)) : int(unpacked),
      ),
    );
  }

  /** The value of code c to the place of value `i` behind `out`. */
  #store(i: number): Code {
    const size = this.#sizeLog2;
    if (!this.#looksUp) return storeAs(size, get('out'), get('c'), i << size);
    return statements(
      // Below 0 as long as each code is less than `entries`: neither has 31 bits.
      set('seen', and(get('seen'), sub(get('c'), get('entries')))),
      storeAs(size, get('out'), loadAs(size, add(get('table'), shl(get('c'), int(size)))), i << size),
    );
  }

  #field(word: Code, shift: Code | null): Code {
    const mask = int(2 ** this.#width - 1);
    return set('c', and(shift === null ? word : shrU(word, shift), mask));
  }

  /** Groups of eight fields, then fields of one more where fewer are wanted: a run may claim padding that is not there. */
  #packed(): Code {
    const width = this.#width;
    const group = Array.from({ length: fields }, (_, i) => {
      const shift = (i * width) & 7;
      const field = this.#field(load32(get('p'), (i * width) >> 3), shift === 0 ? null : int(shift));
      return statements(field, this.#store(i));
    });
    const one = this.#field(load32(add(get('p'), shrU(get('bit'), int(3)))), and(get('bit'), int(7)));
    const groups = shrU(get('count'), int(3));
    const bytes = add(mul(get('run'), int(width)), shrU(add(mul(get('left'), int(width)), int(7)), int(3)));
    return statements(
      set('left', select(gtU(get('run'), groups), and(get('count'), int(fields - 1)), int(0))),
      set('run', select(gtU(get('run'), groups), groups, get('run'))),
      fails(gtU(bytes, sub(get('end'), get('p'))), tooShort),
      set('count', sub(get('count'), add(shl(get('run'), int(3)), get('left')))),
      this.#vectors === null ? [] : this.#byVectors(this.#vectors),
      times('run', statements(...group, step('p', int(width)), step('out', int(fields << this.#sizeLog2)))),
      set('bit', int(0)),
      times(
        'left',
        statements(one, this.#store(0), step('out', int(1 << this.#sizeLog2)), step('bit', int(width))),
      ),
    );
  }

  #byVectors({ groups, step: oneStep }: VectorLoop): Code {
    return whileTrue(
      geU(get('run'), int(groups)),
      statements(
        oneStep,
        step('p', int(groups * this.#width)),
        step('out', int((groups * fields) << this.#sizeLog2)),
        set('run', sub(get('run'), int(groups))),
      ),
    );
  }

  #repeated(): Code {
    const bytes = (this.#width + 7) >> 3;
    const value = Array.from({ length: bytes }, (_, k) => shl(load8(get('p'), k), int(8 * k))).reduce(or);
    return statements(
      fails(gtU(int(bytes), sub(get('end'), get('p'))), tooShort),
      set('c', value),
      step('p', int(bytes)),
      ...(this.#looksUp ? [fails(geU(get('c'), get('entries')), beyond)] : []),
      set('run', select(gtU(get('run'), get('count')), get('count'), get('run'))),
      set('count', sub(get('count'), get('run'))),
      times('run', statements(this.#store(0), step('out', int(1 << this.#sizeLog2)))),
    );
  }
}

function makeFunction(memory: WasmMemory, width: number, sizeLog2: number, form: ValueForm): WasmFunction {
  const vectors = hasVectors();
  const body = new Unpacking(width, sizeLog2, form, vectors).body();
  return functionOver(memory, parameters.length, variables.length, body, vectors ? vectorNames.length : 0);
}

/**
 * As decodeHybrid and, with a table of 2^width entries or more, decodeThrough: over the lane's memory, where `out` must
 * lie. Threads share what V8 makes of equal modules, so a second one finds it warm.
 * @returns null when it cannot, and nothing was done; false when a code was `entries` or more
 */
export function unpackInWasm(
  bytes: Uint8Array,
  from: number,
  to: number,
  width: number,
  table: Values | null,
  entries: number,
  out: Values,
  at: number,
  count: number,
): boolean | null {
  const home = kernelMemory();
  if (home === null || out.buffer !== home.buffer || width === 0 || width > widest) return null;
  if (count < fewValues || (table !== null && table.length >>> width === 0)) return null;
  const size = out.BYTES_PER_ELEMENT;
  const { buffer, workspace } = home;
  const used = table === null ? 0 : 2 ** width * size;
  const entriesAt = workspace + workBytes;
  const place = entriesAt + used;
  if (place + slack > workspace + limits.workspaceBytes) return null;
  let form: ValueForm = 'codes';
  if (table !== null) {
    new Uint8Array(buffer, entriesAt, used).set(new Uint8Array(table.buffer, table.byteOffset, used));
    const bytes = new Uint8Array(buffer, workspace + byteTableAt, 2 ** widestBytes);
    const small = width <= widestBytes && entries > 0 && entries <= 2 ** width;
    form = small && areBytes(table, entries, bytes) ? 'bytes' : 'entries';
  }
  let p = bytes.byteOffset + from;
  if (bytes.buffer !== buffer) {
    // Where it lies alike within words of eight bytes: else V8 copies to shared memory byte by byte.
    p = place + ((p - place) & 7);
    if (p + to - from + slack > workspace + limits.workspaceBytes) return null;
    new Uint8Array(buffer, p, to - from).set(bytes.subarray(from, to));
  }
  const { memory } = home;
  const sizeLog2 = Math.log2(size);
  const run = functionFor(memory, `unpack ${width} ${sizeLog2} ${form}`, () =>
    makeFunction(memory, width, sizeLog2, form),
  );
  const result = run(p, p + to - from, out.byteOffset + at * size, count, workspace, entriesAt, entries);
  if (result === tooShort) throw new RangeError('run-length data ends too early');
  return result === unpacked;
}

/** Whether all entries are bytes: then they are noted as such. */
function areBytes(table: Values, entries: number, bytes: Uint8Array): boolean {
  if (!(table instanceof Int32Array)) return false;
  for (let i = 0; i < entries; i++) {
    const entry = table[i]!;
    if (entry >>> 8 !== 0) return false;
    bytes[i] = entry;
  }
  return true;
}

/** Widths of dictionaries of up to 4,096 entries. */
const rehearsedWidths = 12;
/** Fields that are unpacked in rehearsal: so many as make V8 optimise a function. */
const rehearsedFields = 65_536;

/**
 * Steps that unpack as many fields of each of the widths that most files have, and of each form, as make V8 optimise the function for them. For
 * threads that have nothing else to do: there is one for each, and a first scan is slower while they are made, by a millisecond each.
 */
export function* rehearseUnpacking(): Generator<() => void> {
  for (let width = 1; width <= rehearsedWidths; width++) {
    const entries = 2 ** width;
    const bytes = width > widestBytes ? [] : [new Int32Array(entries)];
    for (const table of [null, ...bytes, new Int32Array(entries).fill(256), new Float64Array(entries)])
      yield () => unpackZeros(width, table, entries);
  }
}

function unpackZeros(width: number, table: Int32Array | Float64Array | null, entries: number): void {
  const home = kernelMemory();
  if (home === null) return;
  const groups = rehearsedFields / fields;
  const head = (groups << 1) | 1;
  const page = new Uint8Array(3 + groups * width);
  page.set([(head & 127) | 128, ((head >> 7) & 127) | 128, head >> 14]);
  const { buffer, scratch } = home;
  const out =
    table instanceof Float64Array
      ? new Float64Array(buffer, scratch, rehearsedFields)
      : new Int32Array(buffer, scratch, rehearsedFields);
  unpackInWasm(page, 0, page.length, width, table, entries, out, 0, rehearsedFields);
}
