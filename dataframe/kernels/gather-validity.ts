import { compile } from '../codegen/compile.js';
import { appendBits, bitmapBytes, type Validity } from '../column/bitmap.js';
import { chooseBits, mostColumns } from './chosen-bits.js';
import type { Lent } from './lent.js';

/** Rows of one column that were chosen. */
export interface Chosen {
  readonly column: {
    readonly length: number;
    readonly validity: Uint8Array | null;
    readonly nullCount: number;
  };
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

/** Rows below which columns are looked at one by one. */
const fewRows = 2048;
/** Rows to choose from, for each that is chosen, up to which all of them are looked at. */
const mostPerRow = 4;

/** Bitmaps of chosen rows. Columns without nulls that were chosen by the same rows share one: those of an outer join. */
export class ChosenValidity {
  readonly #shared: { readonly pieces: readonly Chosen[]; readonly validity: Validity }[] = [];
  readonly #found = new Map<readonly Chosen[], Validity>();

  /** Looks at columns that are chosen alike at once; what it finds lasts as long as `lent`. Columns it knows are asked for by `of`. */
  findTogether(columns: readonly (readonly Chosen[])[], length: number, lent: Lent): void {
    if (length < fewRows) return;
    const groups: (readonly Chosen[])[][] = [];
    for (const pieces of columns) {
      if (!pieces.some(({ column, at, gaps }) => at !== null && (gaps || column.validity !== null))) continue;
      if (pieces.some(({ column, rows }) => column.length > mostPerRow * rows)) continue;
      const group = groups.find(each => each.length < mostColumns && areAlike(each[0]!, pieces));
      if (group === undefined) groups.push([pieces]);
      else group.push(pieces);
    }
    for (const group of groups) {
      chooseBits(group, length, lent)?.forEach((validity, c) => {
        this.#found.set(group[c]!, validity);
      });
    }
  }

  /** Validity of all pieces, one after another: `length` rows. */
  of(pieces: readonly Chosen[], length: number): Validity {
    const found = this.#found.get(pieces);
    if (found !== undefined) return found;
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

function areAlike(a: readonly Chosen[], b: readonly Chosen[]): boolean {
  return a.every(
    ({ at, gaps, column }, p) =>
      b[p]!.at === at && b[p]!.gaps === gaps && b[p]!.column.length === column.length,
  );
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
