import { compile } from '../codegen/compile.js';
import { compileRows } from '../codegen/wasm/kernel.js';
import { bitmapBytes, type Validity } from '../column/bitmap.js';
import { Binder } from './fused-text.js';
import type { Lent } from './lent.js';
import { fewBytes } from './scratch.js';

type WholeBytes = (
  P: readonly unknown[],
  out: Uint8Array,
  valid: Int32Array,
  from: number,
  rows: number,
) => void;

type LastBits = (P: readonly unknown[], out: Uint8Array, from: number, rows: number) => number;

const bits = [0, 1, 2, 3, 4, 5, 6, 7];

/** Rows whose bits were written, the first ones in whole bytes, and how many of them are 1. */
export interface WrittenBits {
  readonly done: number;
  readonly valid: number;
}

/**
 * The bitmap of rows, a byte at a time. `flag` gives, of text that names a row, text of 1 where that is valid, else 0. With
 * `lent` the bitmap lasts as long as that. `written`, where given, may write the first bits; null: it did not.
 */
export function validBits(
  flag: (binder: Binder) => (row: string) => string,
  rows: number,
  lent: Lent | null,
  written?: (bits: Uint8Array) => WrittenBits | null,
): Validity {
  const length = bitmapBytes(rows);
  // Of the lane's memory, where kernels may write it.
  const out = lent?.bytes(Math.max(fewBytes, length)).subarray(0, length) ?? new Uint8Array(length);
  const { done, valid } = written?.(out) ?? wholeBytes(flag, out, rows);
  const all = valid + (done < rows ? lastBits(flag, out, done, rows) : 0);
  return all === rows ? { validity: null, nullCount: 0 } : { validity: out, nullCount: rows - all };
}

function wholeBytes(
  flag: (binder: Binder) => (row: string) => string,
  out: Uint8Array,
  rows: number,
): WrittenBits {
  const binder = new Binder();
  const text = flag(binder);
  const whole = rows >> 3;
  const valid = new Int32Array(1);
  const tags = binder.text();
  compileRows<WholeBytes>(
    `bytes of bits ${tags} ${text('r')}`,
    ['P', 'out', 'valid', 'from', 'rows'],
    () => `${tags}${bytesText(text)}`,
    whole,
  )(binder.values, out, valid, 0, whole);
  return { done: 8 * whole, valid: valid[0]! };
}

/** Fewer than eight. Gives how many are 1. */
function lastBits(
  flag: (binder: Binder) => (row: string) => string,
  out: Uint8Array,
  from: number,
  rows: number,
): number {
  const binder = new Binder();
  const text = flag(binder)('i');
  out[from >> 3] = 0;
  return compile<LastBits>(
    ['P', 'out', 'from', 'rows'],
    `${binder.text()}let n=0;for(let i=from;i<rows;i++){const f=${text};n+=f;out[i>>3]|=f<<(i&7);}return n;`,
  )(binder.values, out, from, rows);
}

function bytesText(flag: (row: string) => string): string {
  const flags = bits.map(k => `const f${k}=${flag(`(r+${k})`)};`).join('');
  const byte = bits.map(k => `f${k}<<${k}`).join('|');
  return `let n=0;for(let i=from;i<rows;i++){const r=Math.imul(i,8);${flags}out[i]=${byte};n=n+f0+f1+f2+f3+f4+f5+f6+f7|0;}valid[0]+=n;`;
}
