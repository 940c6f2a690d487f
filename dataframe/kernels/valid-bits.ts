import { compile } from '../codegen/compile.js';
import { compileRows } from '../codegen/wasm/kernel.js';
import { bitmapBytes, type Validity } from '../column/bitmap.js';
import { Binder } from './fused-text.js';
import type { Lent } from './lent.js';

type WholeBytes = (
  P: readonly unknown[],
  out: Uint8Array,
  valid: Int32Array,
  from: number,
  rows: number,
) => void;

type LastBits = (P: readonly unknown[], out: Uint8Array, from: number, rows: number) => number;

const bits = [0, 1, 2, 3, 4, 5, 6, 7];

/**
 * The bitmap of rows, a byte at a time. `flag` gives, of text that names a row, text of 1 where that is valid, else 0. With
 * `lent` the bitmap lasts as long as that.
 */
export function validBits(
  flag: (binder: Binder) => (row: string) => string,
  rows: number,
  lent: Lent | null,
): Validity {
  const binder = new Binder();
  const text = flag(binder);
  const length = bitmapBytes(rows);
  const out = lent?.bytes(length) ?? new Uint8Array(length);
  const whole = rows >> 3;
  const valid = new Int32Array(1);
  const tags = binder.text();
  compileRows<WholeBytes>(
    `bytes of bits ${tags} ${text('r')}`,
    ['P', 'out', 'valid', 'from', 'rows'],
    () => `${tags}${bytesText(text)}`,
    whole,
  )(binder.values, out, valid, 0, whole);
  if (whole < length) {
    out[whole] = 0;
    valid[0]! += compile<LastBits>(
      ['P', 'out', 'from', 'rows'],
      `${tags}let n=0;for(let i=from;i<rows;i++){const f=${text('i')};n+=f;out[i>>3]|=f<<(i&7);}return n;`,
    )(binder.values, out, whole * 8, rows);
  }
  return valid[0] === rows
    ? { validity: null, nullCount: 0 }
    : { validity: out, nullCount: rows - valid[0]! };
}

function bytesText(flag: (row: string) => string): string {
  const flags = bits.map(k => `const f${k}=${flag(`(r+${k})`)};`).join('');
  const byte = bits.map(k => `f${k}<<${k}`).join('|');
  return `let n=0;for(let i=from;i<rows;i++){const r=Math.imul(i,8);${flags}out[i]=${byte};n=n+f0+f1+f2+f3+f4+f5+f6+f7|0;}valid[0]+=n;`;
}
