import type { DataType, Schema } from '../column/datatype.js';
import type { AggregateOp, ExprNode } from '../expr/node.js';
import type { AnySinkSpec, ScanSpec } from '../io/source.js';
import type { Spread } from '../kernels/spread.js';

/**
 * What one task of a dataframe stage does, as data: read rows from one source, pass them through operators, hand
 * them to a sink. The body of a template of kind 'fragment' (fragment-body); equal for all tasks of a layer.
 * Compiled in the threads.
 */
export interface Fragment {
  readonly source: FragmentSource;
  readonly ops: readonly FragmentOp[];
  readonly sink: FragmentSink;
  /** Schema of the partitions of each dependency of the layer, in the order of its dependencies. */
  readonly inputs: readonly Schema[];
}

/** Whether a task is done with each entry of its source before it reads the next one. The source is dependency 0. */
export function readsInTurn({ source, sink }: Fragment): boolean {
  return source.kind === 'input' && sink.kind === 'file';
}

export type FragmentSource =
  /** The task's args are its Splits, in order (packPlain). */
  | { readonly kind: 'scan'; readonly scan: ScanSpec }
  /** Every entry of this dependency, in order: one batch each. */
  | { readonly kind: 'input'; readonly input: number }
  /**
   * Resolves paths, schema and splits: the result is an InspectionReply, enclosed (packPlain). `known` is the stamp of an
   * inspection that the caller has. No ops.
   */
  | { readonly kind: 'inspect'; readonly scan: ScanSpec; readonly known?: string };

export type FragmentOp =
  | { readonly kind: 'filter'; readonly predicate: ExprNode }
  /** The output has exactly these columns. */
  | { readonly kind: 'project'; readonly columns: readonly NamedExpr[] }
  /** The first n rows of the task, after skipping `offset`. */
  | { readonly kind: 'limit'; readonly n: number; readonly offset: number }
  /** The last n rows of the task. */
  | { readonly kind: 'tail'; readonly n: number }
  /** Stable. With `limit`: only the first so many rows are kept. */
  | { readonly kind: 'sort'; readonly by: readonly SortKey[]; readonly limit: number | null }
  | SampleStep
  | SurveyStep
  | ExtentsStep
  | PackStep
  | UnpackStep
  | BloomStep
  | FrequentStep
  /** One row per item of these list columns. */
  | { readonly kind: 'explode'; readonly columns: readonly string[] }
  | UnpivotStep
  | NumberStep
  | AggregateStep
  | JoinStep;

export interface NamedExpr {
  readonly name: string;
  readonly expr: ExprNode;
}

export interface SortKey {
  readonly column: string;
  readonly descending: boolean;
  /** Default order is numbers < NaN < null. */
  readonly nullsLast: boolean;
}

/** Counts rows and distinct keys of what flows by: one row, from which the way of a group-by is chosen. */
export interface SurveyStep {
  readonly kind: 'survey';
  readonly keys: readonly string[];
}

/** Says what values these columns have: rows of column position, least, greatest, nulls, dictionary id. */
export interface ExtentsStep {
  readonly kind: 'extents';
  readonly columns: readonly string[];
}

/** Makes the key columns one column of 64 bits, `name`, which the columns `rest` follow. */
export interface PackStep {
  readonly kind: 'pack';
  readonly name: string;
  readonly fields: readonly PackedField[];
  readonly rest: readonly string[];
}

/** The key columns again, before all other columns. Dictionaries are those of dependency `input`. */
export interface UnpackStep {
  readonly kind: 'unpack';
  readonly name: string;
  readonly fields: readonly PackedField[];
  readonly input: number | null;
}

/** A key column in a packed one: value base + d, or code d, as d; null as `size`. In the low (0) or high (1) word. */
export interface PackedField {
  readonly column: string;
  readonly type: DataType;
  readonly base: number;
  readonly size: number;
  readonly nullable: boolean;
  /** Content id, for text. */
  readonly dictionary: string | null;
  readonly word: 0 | 1;
  readonly shift: number;
}

/** Finds keys by their hashes that at least one in `most` rows has: the first row counts all rows. */
export interface FrequentStep {
  readonly kind: 'frequent';
  readonly keys: readonly string[];
  readonly most: number;
}

/**
 * Leaves out rows of a probe side that can match nothing. 'make': the rows of a build side become one Bloom filter over
 * their keys; 'test': rows whose keys are not in the one that dependency `input` holds are dropped.
 */
export interface BloomStep {
  readonly kind: 'bloom';
  readonly phase: 'make' | 'test';
  readonly keys: readonly string[];
  readonly input: number;
}

/**
 * What splits the rows of many tasks into ranges of one order. 'take': a row in every so many of the task, as key
 * columns, task, row of the task, and how many rows it stands for. 'choose': of all samples, in task order, the
 * ranges - 1 rows where a range ends and the next begins. A function of the rows and their partitions only.
 */
export interface SampleStep {
  readonly kind: 'sample';
  readonly phase: 'take' | 'choose';
  readonly by: readonly SortKey[];
  readonly ranges: number;
}

/** Columns become rows: index columns, the label, and for each value the column that belongs to the label. */
export interface UnpivotStep {
  readonly kind: 'unpivot';
  readonly index: readonly string[];
  readonly variable: string;
  readonly labels: readonly string[];
  /** One column per label, all of one type. */
  readonly values: readonly { readonly name: string; readonly columns: readonly string[] }[];
}

/** Adds a Float64 column: ascending with task and row, or random by seed, task and row. */
export interface NumberStep {
  readonly kind: 'number';
  readonly name: string;
  readonly seed: number | null;
}

/**
 * Groups by key columns (none: one group over everything, present even without rows in phases 'final' and 'complete').
 * 'partial' gives keys and state columns, one row a group, groups in order of first appearance; 'final' merges such
 * partitions, in the order of its input entries; 'complete' does both in one go, still keeping one accumulator per
 * input entry and merging in entry order, so that its bits equal partial + final.
 */
export interface AggregateStep {
  readonly kind: 'aggregate';
  readonly phase: 'partial' | 'final' | 'complete';
  readonly keys: readonly string[];
  readonly aggregates: readonly AggregateSpec[];
  /** Schema of the rows before phase partial: types of keys and inputs. */
  readonly input: Schema;
  /** How groups are found instead of the way that suits the data: for tests. */
  readonly tier?: 'dense' | 'packed' | 'table';
}

export interface AggregateSpec {
  /** Output column. */
  readonly name: string;
  readonly op: AggregateOp;
  /** Input column; null for len. */
  readonly column: string | null;
  /** Boolean column: only rows where it is true. */
  readonly filter: string | null;
  /** Second input column, of corr. */
  readonly other?: string;
  /** The share of quantile; the number of values of topK and bottomK. */
  readonly param?: number;
}

/**
 * semi: left rows that have a match, anti: those that have none, each once. full and right also give the build rows that
 * no row of the task matched, so each build row must be in one task only. cross: every pair.
 */
export type JoinHow = 'inner' | 'left' | 'right' | 'full' | 'semi' | 'anti' | 'cross';

/** Probes with the rows that flow by; builds from dependency `input`, all entries in order. */
export interface JoinStep {
  readonly kind: 'join';
  readonly input: number;
  readonly how: JoinHow;
  /** Names in the flowing rows and in the build side, pairwise of equal type (the planner casts). */
  readonly leftOn: readonly string[];
  readonly rightOn: readonly string[];
  /** Build columns to output after all left columns: name in the build side, name in the output. */
  readonly take: readonly { readonly column: string; readonly name: string }[];
  /** Every task reads the same entries: what one made of them serves the others of its thread. */
  readonly shared?: true;
  /** Then `input` is a partition that a sink of kind 'table' made, and these dependencies hold the other build columns. */
  readonly parts?: readonly number[];
  /** The one of them that a sink of kind 'records' made. */
  readonly records?: number;
  /** Which table is built instead of the one that suits the data: for tests. */
  readonly tier?: 'dense' | 'hash';
}

export type FragmentSink =
  /**
   * One slice with all rows. `wide`: 64-bit integers as pairs of words, as Arrow has them: for whoever collects. `kept`: it will be
   * read again and again, so columns also have narrow forms.
   */
  | { readonly kind: 'partition'; readonly wide?: true; readonly kept?: true }
  /**
   * `fanOut` slices by hash of the *values* of the keys; row order kept in each; null keys hash alike. With `parts`,
   * each slice is dealt out once more into so many, one after another, and row order is kept in each of them. With
   * `spread`, rows of the keys with these hashes go to all slices, or are dealt over them. `interleaved`: rows may lie as records, which
   * are written in one pass: for whoever brings them together and looks at all columns.
   */
  | {
      readonly kind: 'hash';
      readonly keys: readonly string[];
      readonly fanOut: number;
      readonly parts?: number;
      readonly spread?: Spread;
      readonly interleaved?: true;
    }
  /**
   * `fanOut` slices by place in the order of (keys, task, row) between the rows of dependency `splitters`, ascending;
   * row order kept in each. Equal keys may be in several slices, which adjoin.
   */
  | {
      readonly kind: 'range';
      readonly by: readonly SortKey[];
      readonly splitters: number;
      readonly fanOut: number;
    }
  /**
   * `fanOut` slices of equal length of the rows of all tasks, one after another: row r of `total` is in slice
   * floor(r · fanOut / total), and the first row of task t is row starts[t].
   */
  | {
      readonly kind: 'cut';
      readonly starts: readonly number[];
      readonly total: number;
      readonly fanOut: number;
    }
  /**
   * The build side of joins, made once for all of them: a table over the keys and, of the rows, these columns. Keys of
   * text must be among them.
   */
  | {
      readonly kind: 'table';
      readonly keys: readonly string[];
      readonly columns: readonly string[];
      readonly tier: 'dense' | 'hash' | null;
    }
  /** Rows one after another, the columns of each side by side: build rows, which are read at random. No lists. */
  | { readonly kind: 'records' }
  /** No rows, but the dictionaries of the columns. */
  | { readonly kind: 'dictionaries' }
  /**
   * Nothing but what these columns hold, up to `most` different values each: msgpack of a KeySummary or null for each,
   * enclosed. `filters`: the columns of the probe side that it is for.
   */
  | {
      readonly kind: 'keys';
      readonly keys: readonly string[];
      readonly most: number;
      readonly filters: readonly string[];
    }
  /** Writes a file or table; the result is msgpack of a SinkReceipt, enclosed. */
  | { readonly kind: 'file'; readonly file: AnySinkSpec };
