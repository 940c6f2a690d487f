import { limits } from '../../../core/base/limits.js';

/** What a value is. Null also stands for a key that is not there. */
export const Kind = {
  Null: 0,
  /** Text without escapes. */
  Plain: 1,
  /** Text with escapes. */
  Escaped: 2,
  Integer: 3,
  /** A number with a point or an exponent. */
  Float: 4,
  True: 5,
  False: 6,
  Object: 7,
  Array: 8,
} as const;

export const quote = 34;
export const comma = 44;
export const colon = 58;
export const openBracket = 91;
export const closeBracket = 93;
export const openBrace = 123;
export const closeBrace = 125;
export const lineFeed = 10;
const backslash = 92;
const minus = 45;
const zero = 48;
const nine = 57;

/** 1: ends a run of plain text within quotes. */
const stops = new Uint8Array(256).fill(1, 0, 32);
stops[quote] = 1;
stops[backslash] = 1;

const point = 46;
const letterE = 101;
const letterF = 102;
const letterN = 110;

const trueText = Buffer.from('true');
const falseText = Buffer.from('false');
const nullText = Buffer.from('null');

/**
 * Steps over JSON (RFC 8259) byte by byte. Methods give the position behind what they stepped over, or -1: then
 * `problem` says what is wrong; null: the bytes end too early.
 */
export class Lexer {
  /** Of the value that was stepped over last. */
  kind: number = Kind.Null;
  /** Its bytes; of text what is within the quotes. */
  from = 0;
  to = 0;
  problem: string | null = null;
  /** Whether a line feed is white space, as in JSON, or ends a record. */
  readonly #spaceUpTo: number;

  constructor(linesEnd: boolean) {
    this.#spaceUpTo = linesEnd ? lineFeed : -1;
  }

  /** The first byte that is no white space; `end` at most. */
  skipSpace(bytes: Uint8Array, p: number, end: number): number {
    for (; p < end; p++) {
      const byte = bytes[p]!;
      if (byte > 32) return p;
      if (byte === 32 || byte === 9 || byte === 13) continue;
      if (byte !== lineFeed || byte === this.#spaceUpTo) return p;
    }
    return p;
  }

  /** Steps over the value that begins at `p` and sets kind, from and to. */
  skipValue(bytes: Uint8Array, p: number, end: number, depth = 0): number {
    if (p >= end) return this.ends();
    const byte = bytes[p]!;
    if (byte === quote) return this.skipText(bytes, p + 1, end);
    if (byte === minus || (byte >= zero && byte <= nine)) return this.#skipNumber(bytes, p, end);
    if (byte === openBrace || byte === openBracket) return this.#skipNested(bytes, p, end, depth);
    return this.#skipLiteral(bytes, p, end);
  }

  /** Steps over text whose opening quote is before `p`. */
  skipText(bytes: Uint8Array, p: number, end: number): number {
    this.kind = Kind.Plain;
    this.from = p;
    for (;;) {
      while (p < end && stops[bytes[p]!] === 0) p++;
      if (p >= end) return this.ends();
      const byte = bytes[p]!;
      if (byte === quote) {
        this.to = p;
        return p + 1;
      }
      if (byte !== backslash) return this.fails('a control character within text');
      this.kind = Kind.Escaped;
      p = this.#skipEscape(bytes, p + 1, end);
      if (p < 0) return p;
    }
  }

  ends(): number {
    this.problem = null;
    return -1;
  }

  fails(problem: string): number {
    this.problem = problem;
    return -1;
  }

  #skipEscape(bytes: Uint8Array, p: number, end: number): number {
    if (p >= end) return this.ends();
    switch (bytes[p]!) {
      case quote:
      case backslash:
      case 47:
      case 98:
      case 102:
      case 110:
      case 114:
      case 116:
        return p + 1;
      case 117:
        break;
      default:
        return this.fails('an unknown escape within text');
    }
    if (p + 5 > end) return this.#hexOrEnd(bytes, p + 1, end);
    const unit = hex4(bytes, p + 1);
    if (unit < 0) return this.fails('an escape of other than four hexadecimal digits');
    p += 5;
    if (unit < 0xd800 || unit > 0xdfff) return p;
    if (p + 6 > end) {
      if (p < end && bytes[p] !== backslash) return this.fails(loneSurrogate);
      return this.ends();
    }
    const low = bytes[p] === backslash && bytes[p + 1] === 117 ? hex4(bytes, p + 2) : -1;
    if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) return this.fails(loneSurrogate);
    return p + 6;
  }

  /** An escape that reaches beyond the end: wrong all the same where its text ends before. */
  #hexOrEnd(bytes: Uint8Array, p: number, end: number): number {
    for (; p < end; p++)
      if (hexValue[bytes[p]!]! < 0) return this.fails('an escape of other than four hexadecimal digits');
    return this.ends();
  }

  #skipNumber(bytes: Uint8Array, start: number, end: number): number {
    let p = bytes[start] === minus ? start + 1 : start;
    const first = p;
    while (p < end && bytes[p]! >= zero && bytes[p]! <= nine) p++;
    // More digits may follow.
    if (p >= end) return this.ends();
    if (p === first) return this.fails('a number without digits');
    if (bytes[first] === zero && p > first + 1) return this.fails('a number with a leading zero');
    this.kind = Kind.Integer;
    const byte = bytes[p]!;
    if (byte === point || (byte | 32) === letterE) {
      p = this.#skipFraction(bytes, p, end);
      if (p < 0) return p;
    }
    this.from = start;
    this.to = p;
    return p;
  }

  #skipFraction(bytes: Uint8Array, p: number, end: number): number {
    this.kind = Kind.Float;
    if (bytes[p] === point) {
      const from = ++p;
      while (p < end && bytes[p]! >= zero && bytes[p]! <= nine) p++;
      if (p >= end) return this.ends();
      if (p === from) return this.fails('a number without digits behind its point');
    }
    if ((bytes[p]! | 32) === letterE) {
      p++;
      if (p < end && (bytes[p] === 43 || bytes[p] === minus)) p++;
      const from = p;
      while (p < end && bytes[p]! >= zero && bytes[p]! <= nine) p++;
      if (p >= end) return this.ends();
      if (p === from) return this.fails('a number without digits in its exponent');
    }
    return p;
  }

  #skipLiteral(bytes: Uint8Array, p: number, end: number): number {
    const byte = bytes[p]!;
    const text = byte === letterN ? nullText : byte === letterF ? falseText : trueText;
    if (byte !== text[0]) return this.fails('no JSON value');
    const { length } = text;
    for (let k = 1; k < length; k++) {
      if (p + k >= end) return this.ends();
      if (bytes[p + k] !== text[k]) return this.fails('no JSON value');
    }
    this.kind = text === trueText ? Kind.True : text === falseText ? Kind.False : Kind.Null;
    this.from = p;
    this.to = p + length;
    return p + length;
  }

  #skipNested(bytes: Uint8Array, start: number, end: number, depth: number): number {
    if (depth >= limits.jsonDepth) return this.fails(`values nested more than ${limits.jsonDepth} deep`);
    const isObject = bytes[start] === openBrace;
    const close = isObject ? closeBrace : closeBracket;
    let p = this.skipSpace(bytes, start + 1, end);
    if (p < end && bytes[p] === close) p++;
    else {
      for (;;) {
        if (isObject) {
          p = this.skipKey(bytes, p, end);
          if (p < 0) return p;
        }
        p = this.skipValue(bytes, p, end, depth + 1);
        if (p < 0) return p;
        if (p < end && bytes[p]! <= 32) p = this.skipSpace(bytes, p, end);
        if (p >= end) return this.ends();
        const byte = bytes[p]!;
        p++;
        if (byte === close) break;
        if (byte !== comma)
          return this.fails(isObject ? noEntryEnd : 'neither a comma nor the end of an array');
        if (p < end && bytes[p]! <= 32) p = this.skipSpace(bytes, p, end);
      }
    }
    this.kind = isObject ? Kind.Object : Kind.Array;
    this.from = start;
    this.to = p;
    return p;
  }

  /** Steps over a key and its colon, to its value. kind, from and to are those of the key. */
  skipKey(bytes: Uint8Array, p: number, end: number): number {
    if (p >= end) return this.ends();
    if (bytes[p] !== quote) return this.fails('a key is no text');
    p = this.skipText(bytes, p + 1, end);
    if (p < 0) return p;
    p = this.skipSpace(bytes, p, end);
    if (p >= end) return this.ends();
    if (bytes[p] !== colon) return this.fails('no colon behind a key');
    return this.skipSpace(bytes, p + 1, end);
  }
}

export const noEntryEnd = 'neither a comma nor the end of an object';
const loneSurrogate = 'half of a surrogate pair';

const hexValue = new Int8Array(256).fill(-1);
for (let i = 0; i < 16; i++) {
  hexValue[i.toString(16).charCodeAt(0)] = i;
  hexValue[i.toString(16).toUpperCase().charCodeAt(0)] = i;
}

/** Negative where one of them is no digit. */
function hex4(bytes: Uint8Array, p: number): number {
  const [a, b, c, d] = [
    hexValue[bytes[p]!]!,
    hexValue[bytes[p + 1]!]!,
    hexValue[bytes[p + 2]!]!,
    hexValue[bytes[p + 3]!]!,
  ];
  return (a | b | c | d) < 0 ? -1 : (a << 12) | (b << 8) | (c << 4) | d;
}

const plainEscapes: Readonly<Record<number, number>> = { 98: 8, 102: 12, 110: 10, 114: 13, 116: 9 };

/** Writes checked text without its escapes, as UTF-8. `out` needs no more room than the text takes. @returns bytes */
export function unescapeText(bytes: Uint8Array, from: number, to: number, out: Uint8Array): number {
  let at = 0;
  for (let p = from; p < to; ) {
    const byte = bytes[p++]!;
    if (byte !== backslash) {
      out[at++] = byte;
      continue;
    }
    const letter = bytes[p++]!;
    if (letter !== 117) {
      out[at++] = plainEscapes[letter] ?? letter;
      continue;
    }
    let code = hex4(bytes, p);
    p += 4;
    if (code >= 0xd800 && code <= 0xdfff) {
      code = 0x10000 + ((code & 0x3ff) << 10) + (hex4(bytes, p + 2) & 0x3ff);
      p += 6;
    }
    at = putCodePoint(code, out, at);
  }
  return at;
}

function putCodePoint(code: number, out: Uint8Array, at: number): number {
  if (code < 0x80) {
    out[at++] = code;
    return at;
  }
  if (code < 0x800) out[at++] = 0xc0 | (code >> 6);
  else {
    if (code < 0x10000) out[at++] = 0xe0 | (code >> 12);
    else {
      out[at++] = 0xf0 | (code >> 18);
      out[at++] = 0x80 | ((code >> 12) & 63);
    }
    out[at++] = 0x80 | ((code >> 6) & 63);
  }
  out[at++] = 0x80 | (code & 63);
  return at;
}
