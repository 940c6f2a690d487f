import { type WasmModule, wasm } from './kernel-memory.js';

/** Bytes that are summed up by themselves: what a reader brings into the cache at a time. */
export const blockBytes = 65_536;
/** Numbers that a block is spread over: eight vectors of four, so that their multiplications do not wait for each other. */
export const lanes = 32;
export const multiplier = 0x9e3779b1;
/** Vector v of a block begins with (v + 1) times that. */
export const firstFactor = 0x85ebca6b;
export const turn = 13;

const vectors = lanes / 4;
const stripeBytes = 4 * lanes;

/** Opcodes of WebAssembly, and behind 0xfd those of its vectors. */
const Op = {
  block: 0x02,
  loop: 0x03,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  select: 0x1b,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  load8u: 0x2d,
  int: 0x41,
  ltU: 0x49,
  gtU: 0x4b,
  geU: 0x4f,
  add: 0x6a,
  sub: 0x6b,
  mul: 0x6c,
  xor: 0x73,
  rotl: 0x77,
} as const;
const Vector = { load: 0, splat: 17, lane: 27, or: 80, xor: 81, shl: 171, shrU: 173, mul: 181 } as const;
const none = 0x40;
const i32 = 0x7f;
const v128 = 0x7b;

/** Variables: three parameters, then integers, then vectors. */
const [at, length, sum, end, stop, rest] = [0, 1, 2, 3, 4, 5] as const;
const first = 6;
const [kept, factor] = [first + vectors, first + vectors + 1] as const;

type Code = readonly number[];

/** LEB128. */
function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  if (value >= -64 && value < 64) return [value & 127];
  return [(value & 127) | 128, ...signed(value >> 7)];
}

const int = (value: number): Code => [Op.int, ...signed(value | 0)];
const get = (name: number): Code => [Op.get, name];
const set = (name: number, value: Code): Code => [...value, Op.set, name];
const vector = (op: number, ...more: number[]): Code => [0xfd, ...unsigned(op), ...more];
const until = (condition: Code, body: Code): Code => [
  ...[Op.block, none, Op.loop, none],
  ...[...condition, Op.brIf, 1],
  ...body,
  ...[Op.br, 0, Op.end, Op.end],
];

/** What becomes of a number when another comes to it: both can be told from the result when the other one is known. */
const mixed = (a: Code, b: Code): Code => [
  ...a,
  ...b,
  Op.xor,
  ...int(turn),
  Op.rotl,
  ...int(multiplier),
  Op.mul,
];

const mixedVectors = (a: Code, b: Code): Code => [
  ...[...a, ...b, ...vector(Vector.xor), Op.tee, kept, ...int(turn), ...vector(Vector.shl)],
  ...[...get(kept), ...int(32 - turn), ...vector(Vector.shrU), ...vector(Vector.or)],
  ...[...get(factor), ...vector(Vector.mul)],
];

const vectorNumbers = Array.from({ length: vectors }, (_, v) => v);
const left: Code = [...get(stop), ...get(at), Op.sub];
const further = (bytes: number): Code => set(at, [...get(at), ...int(bytes), Op.add]);

function stripes(): Code {
  const load = (v: number): Code => [...get(at), ...vector(Vector.load, 0, ...unsigned(16 * v))];
  const body = vectorNumbers.flatMap(v => set(first + v, mixedVectors(get(first + v), load(v))));
  return until([...left, ...int(stripeBytes), Op.ltU], [...body, ...further(stripeBytes)]);
}

function block(): Code {
  const begin = vectorNumbers.flatMap(v =>
    set(first + v, [...int(Math.imul(v + 1, firstFactor)), ...vector(Vector.splat)]),
  );
  const joined = vectorNumbers.slice(1).flatMap(v => set(first, mixedVectors(get(first), get(first + v))));
  const folded = [0, 1, 2, 3].flatMap(lane =>
    set(rest, mixed(get(rest), [...get(first), ...vector(Vector.lane, lane)])),
  );
  const tail = [...set(rest, mixed(get(rest), [...get(at), Op.load8u, 0, 0])), ...further(1)];
  return [
    ...begin,
    ...stripes(),
    ...joined,
    ...set(rest, left),
    ...folded,
    ...until([...get(at), ...get(stop), Op.geU], tail),
    ...set(sum, mixed(get(sum), get(rest))),
  ];
}

function body(): Code {
  const more: Code = [...get(end), ...get(at), Op.sub, ...int(blockBytes), Op.gtU];
  return [
    ...set(factor, [...int(multiplier), ...vector(Vector.splat)]),
    ...set(end, [...get(at), ...get(length), Op.add]),
    ...until(
      [...get(at), ...get(end), Op.geU],
      [...set(stop, [...get(at), ...int(blockBytes), Op.add, ...get(end), ...more, Op.select]), ...block()],
    ),
    ...get(sum),
  ];
}

const section = (id: number, bytes: Code): Code => [id, ...unsigned(bytes.length), ...bytes];

/** `run(address, length, sum)` over an imported memory. */
function moduleBytes(shared: boolean): Uint8Array<ArrayBuffer> {
  const code = [2, 3, i32, ...unsigned(vectors + 2), v128, ...body(), Op.end];
  const named = (text: string): Code => [text.length, ...Buffer.from(text, 'latin1')];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, i32, i32, i32, 1, i32]),
    ...section(2, [1, ...named('m'), ...named('m'), 2, shared ? 3 : 1, 0, ...unsigned(65_536)]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...named('run'), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

const modules = new Map<boolean, WasmModule | null>();

/** For memory that is shared or is not; null where the processor has no such vectors. */
export function checksumModule(shared: boolean): WasmModule | null {
  let module = modules.get(shared);
  if (module === undefined) {
    module = compiled(shared);
    modules.set(shared, module);
  }
  return module;
}

function compiled(shared: boolean): WasmModule | null {
  try {
    return new wasm.Module(moduleBytes(shared));
  } catch {
    return null;
  }
}
