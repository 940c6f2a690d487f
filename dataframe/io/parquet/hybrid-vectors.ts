import {
  add,
  type Code,
  int,
  load32,
  loadAs,
  statements,
  storeAs,
  sub,
} from '../../codegen/wasm/assemble.js';
import {
  add32,
  anyTrue,
  highU8,
  highU16,
  isMoreS32,
  loadVector,
  lowU8,
  lowU16,
  mul16,
  mul32,
  narrowU16,
  narrowU32,
  orVectors,
  shl32,
  shrU16,
  shrU32,
  shuffled,
  splat8,
  splat32,
  storeVector,
  sub8,
  subSatU8,
  swizzled,
  vectorOf,
} from '../../codegen/wasm/vector-code.js';

/** What a page's values are: the codes themselves, entries of a table, or those of one whose entries are all bytes. */
export type ValueForm = 'codes' | 'entries' | 'bytes';

/** Fields of a step, in groups of eight. */
const groupFields = 8;
/** Up to this width a table of bytes is a few vectors. */
export const widestBytes = 7;
/** Vectors of a table of bytes. */
const tableVectors = 2 ** widestBytes / 16;

/** Bytes of the place that codes of a step lie in, and a table of bytes behind it. */
const codesBytes = 128;
export const workBytes = codesBytes + 2 ** widestBytes;
/** Bytes from the beginning of that place at which a table of bytes lies. */
export const byteTableAt = codesBytes;

/** Behind the other variables. */
export const vectorNames = [
  ...['wrong', 'limit', 'base', 'fields'],
  ...Array.from({ length: tableVectors }, (_, t) => `table${t}`),
] as const;

interface Names {
  readonly get: (name: string) => Code;
  readonly set: (name: string, value: Code) => Code;
}

/** The loop over packed fields of one width by vectors: some of each, all of them at once. */
export interface VectorLoop {
  /** Groups of eight fields that a step takes. */
  readonly groups: number;
  /** Before all else. */
  readonly begin: Code;
  /** From p to out, which it does not move. It touches 16 bytes behind its own. */
  readonly step: Code;
  /** Not 0 when a code was `entries` or more. */
  readonly wrong: Code;
}

/** Values of `form` of 2^sizeLog2 bytes; `work`: the address of workBytes, `table`: that of the entries. */
export function vectorLoop(names: Names, width: number, sizeLog2: number, form: ValueForm): VectorLoop {
  if (form === 'codes') return codesLoop(names, width);
  return form === 'entries' ? entriesLoop(names, width, sizeLog2) : bytesLoop(names, width);
}

function codesLoop({ get }: Names, width: number): VectorLoop {
  const stores = inQuads(get('p'), width, (codes, q) => storeVector(get('out'), codes, 16 * q));
  return { groups: 4, begin: [], step: statements(...stores), wrong: int(0) };
}

/** Addresses of entries by vectors, then one entry after another. */
function entriesLoop({ get, set }: Names, width: number, sizeLog2: number): VectorLoop {
  const begin = statements(
    set('limit', splat32(sub(get('entries'), int(1)))),
    set('base', splat32(get('table'))),
  );
  const codes = inQuads(get('p'), width, (quad, q) =>
    statements(
      set('fields', quad),
      set('wrong', orVectors(get('wrong'), isMoreS32(get('fields'), get('limit')))),
      storeVector(get('work'), add32(shl32(get('fields'), sizeLog2), get('base')), 16 * q),
    ),
  );
  const moves = Array.from({ length: 4 * groupFields }, (_, i) =>
    storeAs(sizeLog2, get('out'), loadAs(sizeLog2, load32(get('work'), 4 * i)), i << sizeLog2),
  );
  return { groups: 4, begin, step: statements(...codes, ...moves), wrong: anyTrue(get('wrong')) };
}

/** Codes as bytes, looked up in vectors of sixteen entries each. */
function bytesLoop({ get, set }: Names, width: number): VectorLoop {
  const tables = Array.from({ length: Math.max(1, 2 ** width / 16) }, (_, t) => t);
  const begin = statements(
    set('limit', splat8(sub(get('entries'), int(1)))),
    ...tables.map(t => set(`table${t}`, loadVector(get('work'), byteTableAt + 16 * t))),
  );
  const found = tables.map(t => {
    const at = t === 0 ? get('fields') : sub8(get('fields'), vectorOf(new Array<number>(16).fill(16 * t)));
    return swizzled(get(`table${t}`), at);
  });
  const step = statements(
    set('fields', narrowU16(octet(get('p'), width, 0), octet(get('p'), width, 1))),
    set('wrong', orVectors(get('wrong'), subSatU8(get('fields'), get('limit')))),
    set('fields', found.reduce(orVectors)),
    ...[lowU8, highU8].flatMap((half, h) =>
      [lowU16, highU16].map((quarter, q) =>
        storeVector(get('out'), quarter(half(get('fields'))), 32 * h + 16 * q),
      ),
    ),
  );
  return { groups: 2, begin, step, wrong: anyTrue(get('wrong')) };
}

/** Eight fields of up to sixteen bits as 16-bit numbers, `g` groups behind p. */
export function eightFields(p: Code, width: number, g: number): Code {
  const at = g === 0 ? p : add(p, int(g * width));
  if (width === 8) return lowU8(loadVector(at));
  // Where a field touches three bytes, as two halves of words.
  if (width > 8 && !fitsOctet(width)) {
    const quads = inQuads(at, width, quad => quad);
    return narrowU32(quads[0]!, quads[1]!);
  }
  return octet(at, width, 0);
}

/** Whether no field of a group touches more than two bytes. */
function fitsOctet(width: number): boolean {
  return Array.from({ length: groupFields }, (_, i) => ((i * width) & 7) + width).every(bits => bits <= 16);
}

/** Group g of eight fields that `fitsOctet` as 16-bit numbers: the two bytes of each, its own bits kept. */
function octet(p: Code, width: number, g: number): Code {
  const bits = Array.from({ length: groupFields }, (_, i) => (g * groupFields + i) * width);
  const from = bits.flatMap(bit => [bit >> 3, Math.min((bit >> 3) + 1, 15)]);
  const factors = bits.flatMap(bit => {
    const factor = 2 ** (16 - width - (bit & 7));
    return [factor & 255, factor >> 8];
  });
  return shrU16(mul16(shuffled(loadVector(p), from), vectorOf(factors)), 16 - width);
}

/** 32 fields of up to 25 bits in eight vectors: the four bytes of each, its own bits kept. */
export function inQuads(p: Code, width: number, use: (quad: Code, q: number) => Code): Code[] {
  return Array.from({ length: 8 }, (_, q) => {
    const first = (4 * q * width) >> 3;
    const bits = Array.from({ length: 4 }, (_, j) => (4 * q + j) * width - 8 * first);
    const from = bits.flatMap(bit => [0, 1, 2, 3].map(k => (bit >> 3) + k));
    const factors = bits.flatMap(bit => {
      const factor = 2 ** (32 - width - (bit & 7));
      return [0, 8, 16, 24].map(shift => (factor >>> shift) & 255);
    });
    const words = shuffled(loadVector(p, first), from);
    return use(shrU32(mul32(words, vectorOf(factors)), 32 - width), q);
  });
}
