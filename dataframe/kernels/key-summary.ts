import { compile } from '../codegen/compile.js';
import { isValid } from '../column/bitmap.js';
import type { Column, Values } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import type { LiteralValue } from '../expr/node.js';

/** What is known of one key column over all rows of a build side, in the representation of its type. */
export interface KeySummary {
  /** Rows that are not null: no other can match. */
  readonly count: number;
  /** null: there is none, or it was not worth keeping. NaN is in neither bound. */
  readonly min: LiteralValue;
  readonly max: LiteralValue;
  readonly hasNaN: boolean;
  /** All different values, as they were first seen; null: more than wanted. */
  readonly values: readonly LiteralValue[] | null;
}

/** Types that a summary can be made of; others give null. */
const numeric: ReadonlySet<DataType['kind']> = new Set<DataType['kind']>([
  ...(['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'] as const),
  ...(['float32', 'float64', 'date', 'timestamp'] as const),
]);

/** Text beyond this makes no good bound, and would be sent to every task. */
const longText = 256;

/** Of one column that lies in several parts; `most` different values are kept. null: its type has no simple order. */
export function summarizeKey(parts: readonly Column[], most: number): KeySummary | null {
  if (parts.length === 0) return { count: 0, min: null, max: null, hasNaN: false, values: [] };
  const { kind } = parts[0]!.type;
  if (kind === 'utf8') return summarizeText(parts, most);
  if (!numeric.has(kind) || parts.some(({ physical }) => physical === 'i64')) return null;
  const state = Float64Array.of(Infinity, -Infinity, 0, 0);
  const seen = new Set<number>();
  for (const { physical, validity, values, length } of parts) {
    scanOf(physical, validity !== null)(values, validity, length, state, seen, most);
  }
  const [min, max, nans, count] = state as unknown as [number, number, number, number];
  const known = min <= max;
  const values = seen.size > most ? null : [...seen];
  return { count, min: known ? min : null, max: known ? max : null, hasNaN: nans > 0, values };
}

type Scan = (
  values: Values,
  validity: Uint8Array | null,
  rows: number,
  state: Float64Array,
  seen: Set<number>,
  most: number,
) => void;

function scanOf(physical: string, nulls: boolean): Scan {
  const skip = nulls ? 'if(((validity[i>>3]>>(i&7))&1)===0)continue;' : '';
  return compile<Scan>(
    ['values', 'validity', 'rows', 'state', 'seen', 'most'],
    `/* summary ${physical} */let a=state[0],b=state[1],n=0,c=0,s=seen.size;for(let i=0;i<rows;i++){${skip}const v=values[i];c++;if(v!==v){n++;continue;}if(v<a)a=v;if(v>b)b=v;if(s<=most){seen.add(v);s=seen.size;}}
state[0]=a;state[1]=b;state[2]+=n;state[3]+=c;`,
  );
}

/** Each entry that a row refers to is looked at once. Text that is no UTF-8 cannot be named: no summary. */
function summarizeText(parts: readonly Column[], most: number): KeySummary | null {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const seen = new Set<string>();
  let count = 0;
  let min: Uint8Array | null = null;
  let max: Uint8Array | null = null;
  try {
    for (const { dictionary, values, validity, length } of parts) {
      const { offsets, bytes, length: entries } = dictionary!;
      const used = new Uint8Array(Math.max(1, entries));
      for (let i = 0; i < length; i++) {
        if (validity !== null && !isValid(validity, i)) continue;
        used[values[i]!] = 1;
        count++;
      }
      for (let e = 0; e < entries; e++) {
        if (used[e] === 0) continue;
        const text = bytes.subarray(offsets[e]!, offsets[e + 1]!);
        if (min === null || Buffer.compare(text, min) < 0) min = text;
        if (max === null || Buffer.compare(text, max) > 0) max = text;
        // One that is too long to be named leaves no list.
        if (seen.size <= most) seen.add(text.length > longText ? `${seen.size}` : decoder.decode(text));
        if (text.length > longText) most = -1;
      }
    }
    const named = (text: Uint8Array | null) =>
      text === null || text.length > longText ? null : decoder.decode(text);
    const values = seen.size > most ? null : [...seen];
    return { count, min: named(min), max: named(max), hasNaN: false, values };
  } catch {
    return null;
  }
}
