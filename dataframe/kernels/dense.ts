import { compile } from '../codegen/compile.js';
import type { Column } from '../column/column.js';

/** Cells every batch may use, however few rows it has. */
const freeCells = 4096;

/** Each row's cell: equal keys of one batch share a cell. */
export interface DenseCells {
  readonly cellOf: Int32Array;
  /** The first row of each used cell, in row order. */
  readonly firstRows: Int32Array;
  /** As many as there are cells; contents are the caller's. */
  readonly cells: Int32Array;
}

interface Range {
  /** Cell of a value: value - base. */
  readonly base: number;
  /** Cells, without the one for null. */
  readonly size: number;
}

type AddCells = (
  values: unknown,
  validity: Uint8Array | null,
  out: Int32Array,
  rows: number,
  base: number,
  size: number,
  stride: number,
) => void;

/**
 * Numbers the key combinations of a batch by position when the product of their ranges is small (dictionary codes,
 * booleans, integers close together); null when it is not.
 */
export function denseCells(keys: readonly Column[], rows: number): DenseCells | null {
  const most = Math.max(freeCells, rows);
  const ranges: Range[] = [];
  let product = 1;
  for (const key of keys) {
    const range = rangeOf(key, most / product);
    if (range === null) return null;
    ranges.push(range);
    product *= range.size + 1;
    if (product > most) return null;
  }
  const cellOf = new Int32Array(rows);
  let stride = 1;
  keys.forEach((key, k) => {
    const { base, size } = ranges[k]!;
    addCells(key)(key.values, key.validity, cellOf, rows, base, size, stride);
    stride *= size + 1;
  });
  const cells = new Int32Array(product).fill(-1);
  const firstRows: number[] = [];
  for (let i = 0; i < rows; i++) {
    const cell = cellOf[i]!;
    if (cells[cell] === -1) {
      cells[cell] = 0;
      firstRows.push(i);
    }
  }
  return { cellOf, firstRows: Int32Array.from(firstRows), cells };
}

/** Out-of-range values (only corrupt memory has them) are cut to the null cell, never beyond it. */
function addCells(key: Column): AddCells {
  const value = '(values[i]-base)>>>0';
  const cell = `const c=${value};let d=c<size?c:size;`;
  const nulls = key.validity === null ? '' : 'if(((validity[i>>3]>>(i&7))&1)===0)d=size;';
  return compile<AddCells>(
    ['values', 'validity', 'out', 'rows', 'base', 'size', 'stride'],
    `/* cells ${key.physical} */for(let i=0;i<rows;i++){${cell}${nulls}out[i]+=d*stride;}`,
  );
}

function rangeOf(key: Column, most: number): Range | null {
  switch (key.physical) {
    case 'code':
      return { base: 0, size: key.dictionary!.length };
    case 'bool':
      return { base: 0, size: 2 };
    case 'i8':
      return { base: -128, size: 256 };
    case 'u8':
      return { base: 0, size: 256 };
    case 'i16':
    case 'u16':
    case 'i32':
    case 'u32':
      return scannedRange(key, most);
    case 'f64':
      return key.type.kind === 'float64' ? null : scannedRange(key, most);
    default:
      return null;
  }
}

/** Null slots hold 0 and may widen the range: harmless. */
function scannedRange(key: Column, most: number): Range | null {
  if (key.length === 0) return null;
  const scan = compile<(values: unknown, rows: number, out: Float64Array) => void>(
    ['values', 'rows', 'out'],
    `/* range ${key.physical} */let a=values[0],b=a;for(let i=1;i<rows;i++){const v=values[i];if(v<a)a=v;if(v>b)b=v;}out[0]=a;out[1]=b;`,
  );
  const out = new Float64Array(2);
  scan(key.values, key.length, out);
  const size = out[1]! - out[0]! + 1;
  return size > 0 && size < most ? { base: out[0]!, size } : null;
}
