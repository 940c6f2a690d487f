import { compile } from '../codegen/compile.js';
import { appendBits, bitmapBytes, type Validity } from '../column/bitmap.js';

/** Rows of one column that were chosen. */
export interface Chosen {
  readonly column: { readonly validity: Uint8Array | null; readonly nullCount: number };
  /** null: all rows as they are. */
  readonly at: Int32Array | null;
  /** True when `at` may hold -1, which is null. */
  readonly gaps: boolean;
  readonly rows: number;
}

type Gather = (
  bits: Uint8Array | null,
  at: Int32Array,
  out: Uint8Array,
  from: number,
  rows: number,
) => number;

/** Bitmaps of chosen rows. Columns without nulls that were chosen by the same rows share one: those of an outer join. */
export class ChosenValidity {
  readonly #shared: { readonly pieces: readonly Chosen[]; readonly validity: Validity }[] = [];

  /** Validity of all pieces, one after another: `length` rows. */
  of(pieces: readonly Chosen[], length: number): Validity {
    const complete = pieces.every(({ column }) => column.validity === null);
    if (complete && pieces.every(({ gaps }) => !gaps)) return { validity: null, nullCount: 0 };
    if (!complete) return gatherValidity(pieces, length);
    const known = this.#shared.find(
      ({ pieces: other }) =>
        other.length === pieces.length &&
        other.every((piece, p) => piece.at === pieces[p]!.at && piece.rows === pieces[p]!.rows),
    );
    if (known !== undefined) return known.validity;
    const validity = gatherValidity(pieces, length);
    this.#shared.push({ pieces, validity });
    return validity;
  }
}

function gatherValidity(pieces: readonly Chosen[], length: number): Validity {
  const out = new Uint8Array(bitmapBytes(length));
  let from = 0;
  let valid = 0;
  for (const { column, at, gaps, rows } of pieces) {
    if (at === null) {
      appendBits(out, from, column.validity, rows);
      valid += rows - column.nullCount;
      from += rows;
      continue;
    }
    const flag = column.validity === null ? '1' : '(bits[k>>3]>>(k&7))&1';
    valid += compile<Gather>(
      ['bits', 'at', 'out', 'from', 'rows'],
      `let valid=0,p=from,byte=(p&7)===0?0:out[p>>3];for(let i=0;i<rows;i++,p++){const k=at[i];const f=${gaps ? `k<0?0:${flag}` : flag};valid+=f;byte|=f<<(p&7);if((p&7)===7){out[p>>3]=byte;byte=0;}}
if((p&7)!==0)out[p>>3]=byte;return valid;`,
    )(column.validity, at, out, from, rows);
    from += rows;
  }
  return valid === length ? { validity: null, nullCount: 0 } : { validity: out, nullCount: length - valid };
}
