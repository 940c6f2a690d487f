import { VolleyError } from '../base/errors.js';

/**
 * Walks the tokens of one msgpack value in bytes[from, to) without building anything, and throws DECODE unless it is
 * exactly one value of the subset Volley writes: nil, booleans, numbers, strings, arrays, maps with string keys,
 * `undefined` (fixext 1 of type 0) and, where `binary` is set, byte strings. Every other extension is refused: msgpackr
 * would turn them into RegExps, Errors, typed arrays, or records, which it compiles with `new Function`.
 *
 * Each element takes at least one byte, so a value that passes can make msgpackr allocate no more than a small multiple
 * of its bytes. `maxDepth` bounds the nesting, hence msgpackr's recursion.
 */
export function scanMsgpack(
  bytes: Uint8Array,
  from: number,
  to: number,
  binary: boolean,
  maxDepth: number,
): void {
  /** Tokens still to come at each open level; maps count keys and values, and are marked in `isMap`. */
  const remaining: number[] = [];
  const isMap: boolean[] = [];
  let left = 1;
  let inMap = false;
  let at = from;
  for (;;) {
    while (left === 0) {
      if (remaining.length === 0) {
        if (at !== to) throw refuse(`${to - at} bytes follow the value`);
        return;
      }
      left = remaining.pop()!;
      inMap = isMap.pop()!;
    }
    if (at >= to) throw refuse('the bytes end inside a value');
    const token = bytes[at]!;
    // In a map keys and values alternate and their number is even: a key is due when an even number is left.
    if (inMap && (left & 1) === 0 && !isString(token))
      throw refuse(`a map key is not a string at byte ${at - from}`);
    left--;
    const items = containerItems(bytes, at, to, token);
    if (items < 0) {
      at = skipScalar(bytes, at, to, token, binary, from);
      continue;
    }
    const map = (token & 0xf0) === 0x80 || token >= 0xde;
    at += headerBytes(token);
    if (items > to - at) throw refuse(`a length of ${items} is more than the bytes that follow`);
    if (remaining.length >= maxDepth) throw refuse(`nested deeper than ${maxDepth} levels`);
    remaining.push(left);
    isMap.push(inMap);
    left = items;
    inMap = map;
  }
}

function isString(token: number): boolean {
  return (token >= 0xa0 && token <= 0xbf) || (token >= 0xd9 && token <= 0xdb);
}

/** Tokens inside the array or map that starts here (two an entry of a map); -1 for every other token. */
function containerItems(bytes: Uint8Array, at: number, to: number, token: number): number {
  if (token < 0x80) return -1;
  if (token < 0x90) return (token & 0x0f) * 2;
  if (token < 0xa0) return token & 0x0f;
  if (token < 0xdc || token > 0xdf) return -1;
  if (token === 0xdc) return unsigned(bytes, at + 1, 2, to);
  if (token === 0xdd) return unsigned(bytes, at + 1, 4, to);
  return unsigned(bytes, at + 1, token === 0xde ? 2 : 4, to) * 2;
}

function headerBytes(token: number): number {
  if (token < 0xa0) return 1;
  return token === 0xdc || token === 0xde ? 3 : 5;
}

/** The offset behind the scalar at `at`. */
function skipScalar(
  bytes: Uint8Array,
  at: number,
  to: number,
  token: number,
  binary: boolean,
  from: number,
): number {
  let end = at + 1;
  if (token < 0x80 || token >= 0xe0) return end;
  if (token < 0xc0) end += token & 0x1f;
  else if (token === 0xc0 || token === 0xc2 || token === 0xc3) return end;
  else if (token >= 0xc4 && token <= 0xc6) {
    if (!binary) throw refuse(`a byte string where none is expected at byte ${at - from}`);
    const width = 1 << (token - 0xc4);
    end += width + unsigned(bytes, at + 1, width, to);
  } else if (token === 0xca || token === 0xce || token === 0xd2) end += 4;
  else if (token === 0xcb || token === 0xcf || token === 0xd3) end += 8;
  else if (token === 0xcc || token === 0xd0) end += 1;
  else if (token === 0xcd || token === 0xd1) end += 2;
  else if (token === 0xd4 && bytes[at + 1] === 0) end += 2;
  else if (token >= 0xd9 && token <= 0xdb) {
    const width = 1 << (token - 0xd9);
    end += width + unsigned(bytes, at + 1, width, to);
  } else throw refuse(`forbidden token 0x${token.toString(16)} at byte ${at - from}`);
  if (end > to) throw refuse('the bytes end inside a value');
  return end;
}

function unsigned(bytes: Uint8Array, at: number, width: number, to: number): number {
  if (at + width > to) throw refuse('the bytes end inside a length');
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + bytes[at + i]!;
  return value;
}

function refuse(why: string): VolleyError {
  return new VolleyError('DECODE', `these bytes are not a value that Volley encoded: ${why}`, { why });
}
