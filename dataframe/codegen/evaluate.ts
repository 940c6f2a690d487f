import { packValidity } from '../column/bitmap.js';
import type { Batch, Column, Values } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import type { DecimalType } from '../column/decimal.js';
import { columnOfUnscaled } from '../column/decimal-builder.js';
import { allocateValues, nullColumn, physicalOf } from '../column/layout.js';
import type { ExprNode } from '../expr/node.js';
import { narrow } from '../kernels/concat.js';
import { oneNaNs } from '../kernels/one-nan.js';
import { giveInts, takeInts } from '../kernels/scratch.js';
import { takeColumn } from '../kernels/take.js';
import { compile } from './compile.js';
import { emit } from './emit.js';
import { UnsafeDecimal } from './emit-decimal.js';
import { isStructCall, structColumn } from './emit-struct.js';
import { type Emitted, Emitter } from './emitter.js';
import { cutLarge, groupBySize } from './split.js';
import { compileText } from './wasm/kernel.js';

/** Rows of a batch, in order: at[0..rows). */
export interface Selection {
  readonly at: Int32Array;
  readonly rows: number;
}

/** The typed expressions over the selected rows (null: all): one column each. */
export function evaluate(nodes: readonly ExprNode[], batch: Batch, selection: Selection | null): Column[] {
  const out: Column[] = new Array(nodes.length);
  const computed: number[] = [];
  for (let k = 0; k < nodes.length; k++) {
    const node = unaliased(nodes[k]!);
    if (isStructCall(node)) {
      const rows = selection?.rows ?? batch.rows;
      out[k] = structColumn(node, evaluate(node.args, batch, selection), rows);
      continue;
    }
    if (node.kind !== 'column') {
      computed.push(k);
      continue;
    }
    const index = batch.schema.findIndex(field => field.name === node.name);
    const column = batch.columns[index]!;
    out[k] = selection === null ? column : takeColumn(column, selection.at, selection.rows);
  }
  if (computed.length === 0) return out;
  const { batch: wider, nodes: cut } = cutLarge(
    computed.map(k => nodes[k]!),
    batch,
    evaluateOne,
  );
  for (const group of groupBySize(cut)) {
    const columns = runProjection(
      group.map(k => cut[k]!),
      wider,
      selection,
    );
    group.forEach((k, g) => {
      out[computed[k]!] = columns[g]!;
    });
  }
  return out;
}

/** Rows for which the predicate is true, out of the selected ones. */
export function selectRows(predicate: ExprNode, batch: Batch): Selection {
  const { batch: wider, nodes } = cutLarge([predicate], batch, evaluateOne);
  return withDecimals(huge => selectInLoop(nodes[0]!, wider, huge));
}

/** Runs a loop with decimals as numbers, and where that does not do, with bigints. */
function withDecimals<T>(run: (huge: boolean) => T): T {
  try {
    return run(false);
  } catch (error) {
    if (!(error instanceof UnsafeDecimal)) throw error;
    return run(true);
  }
}

function selectInLoop(predicate: ExprNode, batch: Batch, huge: boolean): Selection {
  const emitter = emitterFor(batch, null, huge);
  const value = emit(emitter, predicate);
  if (value.form === 'null') return { at: new Int32Array(0), rows: 0 };
  if (value.form !== 'bool') throw new TypeError('volley bug: a filter needs a bool');
  // No null in a column that is asked for isNotNull: nobody looks at positions when all rows are chosen.
  if (value.isNull === null && value.code === 'true') return { at: new Int32Array(0), rows: batch.rows };
  const at = takeInts(batch.rows, false);
  // As numbers, which kernels count without a branch.
  const live = value.isNull === null ? '' : `&(1-((${value.isNull})|0))`;
  const rows = choose(emitter, `((${value.code})|0)${live}`, at);
  // Where few rows are chosen, the room for all of them serves the next batch.
  if (rows > batch.rows / 2) return { at, rows };
  const few = at.slice(0, rows);
  giveInts(at);
  return { at: few, rows };
}

type Choose = (bound: readonly unknown[], o: Int32Array, n: Int32Array, from: number, rows: number) => number;
/** How many rows were chosen so far. */
const chosen = new Int32Array(1);

/** Rows for which `one` is 1, not 0, to `at`; how many they are. Each row is put down, and the next over it where it is not chosen. */
function choose(emitter: Emitter, one: string, at: Int32Array): number {
  const { bound, rows } = emitter;
  const names = bound.map((_, k) => `const p${k}=P[${k}];`).join('');
  const loop = compileText<Choose>(
    ['P', 'o', 'n', 'from', 'rows'],
    `${names}let k=n[0];for(let i=from;i<rows;i++){const j=i;\n${emitter.text()}\no[k]=i;k=(k+(${one}))|0;}\nn[0]=k;return rows;`,
    rows,
  );
  chosen[0] = 0;
  loop(bound, at, chosen, 0, rows);
  return chosen[0]!;
}

function evaluateOne(node: ExprNode, batch: Batch): Column {
  return evaluate([node], batch, null)[0]!;
}

function unaliased(node: ExprNode): ExprNode {
  return node.kind === 'alias' ? unaliased(node.input) : node;
}

function emitterFor(batch: Batch, selection: Selection | null, huge = false): Emitter {
  const materialize = (node: ExprNode) => evaluate([node], batch, selection)[0]!;
  return new Emitter(batch, selection?.rows ?? batch.rows, materialize, huge);
}

type Kernel = (bound: readonly unknown[], rows: number, at: Int32Array | null, o: unknown) => number;

/** The text of one loop, compiled. `P` are bound values, `S` the selection, `o` what the loop writes to. */
function kernel(emitter: Emitter, row: 'i' | 'S[j]', last: string, before = '', after = 'return 0;'): Kernel {
  return compile<Kernel>(['P', 'rows', 'S', 'o'], kernelText(emitter, row, last, before, after));
}

function kernelText(
  emitter: Emitter,
  row: 'i' | 'S[j]',
  last: string,
  before: string,
  after: string,
): string {
  const bound = emitter.bound.map((_, k) => `const p${k}=P[${k}];`).join('');
  const head = row === 'i' ? 'for(let i=0;i<rows;i++){const j=i;' : 'for(let j=0;j<rows;j++){const i=S[j];';
  return `${bound}${before}\n${head}\n${emitter.text()}\n${last}\n}\n${after}`;
}

interface Output {
  readonly type: DataType;
  readonly value: Emitted;
  readonly values: Values | bigint[];
  readonly flags: Uint8Array | null;
  readonly store: string;
  /** The variable of a computed float. */
  readonly float: string | null;
}

function runProjection(nodes: readonly ExprNode[], batch: Batch, selection: Selection | null): Column[] {
  try {
    return projectInLoop(nodes, batch, selection, false);
  } catch (error) {
    if (!(error instanceof UnsafeDecimal)) throw error;
    // Each by itself: only those that need bigints pay for them.
    return nodes.map(node => withDecimals(huge => projectInLoop([node], batch, selection, huge)[0]!));
  }
}

function projectInLoop(
  nodes: readonly ExprNode[],
  batch: Batch,
  selection: Selection | null,
  huge: boolean,
): Column[] {
  const emitter = emitterFor(batch, selection, huge);
  const rows = emitter.rows;
  const outputs: (Output | Column)[] = nodes.map((node, k) => {
    const value = emit(emitter, node);
    return value.form === 'null' ? nullColumn(value.type, rows) : outputOf(emitter, value, k, rows);
  });
  const live = outputs.filter(output => 'store' in output);
  if (live.length > 0) {
    const loop = kernel(emitter, selection === null ? 'i' : 'S[j]', ...storesText(live));
    const found = loop(emitter.bound, rows, selection?.at ?? null, null);
    if (found !== 0) for (const { float, values } of live) if (float !== null) oneNaNs(values as Values);
  }
  return outputs.map(output => ('store' in output ? finish(output, rows) : output));
}

function outputOf(emitter: Emitter, value: Emitted, k: number, rows: number): Output {
  const { type } = value;
  const values =
    value.form === 'big'
      ? new Array<bigint>(rows)
      : allocateValues(value.form === 'pair' ? 'i64' : physicalOf(type), rows);
  const flags = value.isNull === null ? null : new Uint8Array(rows);
  const o = emitter.bind(values);
  const live = value.isNull === null ? '' : `${value.isNull}?0:`;
  const isFloat = value.form === 'number' && (type.kind === 'float64' || type.kind === 'float32');
  const float = isFloat ? emitter.local(value.code) : null;
  let store: string;
  if (value.form === 'pair') store = `${o}[2*j]=${live}${value.low};${o}[2*j+1]=${live}${value.high};`;
  else if (value.form === 'bool') store = `${o}[j]=${live}${value.code}?1:0;`;
  else if (value.form === 'null') store = '';
  else if (value.form === 'big')
    store = `${o}[j]=${value.isNull === null ? '' : `${value.isNull}?0n:`}${value.code};`;
  else store = `${o}[j]=${live}${float ?? value.code};`;
  if (flags !== null) store += `${emitter.bind(flags)}[j]=${value.isNull}?0:1;`;
  return { type, value, values, flags, store: `/*${k}*/${store}`, float };
}

/**
 * What a projection's loop does last, before and after. Computed floats that are not finite are noticed on the way, which
 * costs nothing, and made one NaN in a loop of their own (kernels/one-nan.ts says why).
 */
function storesText(outputs: readonly Output[]): [last: string, before: string, after: string] {
  const floats = outputs.flatMap(({ float }) => (float === null ? [] : [float]));
  // One addition a row depends on the row before, however many columns there are.
  const watch = floats.length === 0 ? '' : `bad+=${floats.map(x => `(${x}-${x})`).join('+')};`;
  const last = outputs.map(({ store }) => store).join('\n');
  if (watch === '') return [last, '', 'return 0;'];
  return [`${last}\n${watch}`, 'let bad=0;', 'return bad===0?0:1;'];
}

function finish(output: Output, rows: number): Column {
  const { type, value, values, flags } = output;
  const packed = flags === null ? { validity: null, nullCount: 0 } : packValidity(flags, rows);
  if (Array.isArray(values)) return columnOfUnscaled(type as DecimalType, values, packed);
  const dictionary = value.form === 'text' ? value.dictionary : null;
  const physical = value.form === 'pair' ? 'i64' : physicalOf(type);
  return narrow({ type, physical, length: rows, ...packed, values, dictionary });
}

/** The text that a projection of these expressions compiles to: for explain and tests. */
export function projectionText(nodes: readonly ExprNode[], batch: Batch): string {
  return withDecimals(huge => textOfProjection(nodes, batch, huge));
}

function textOfProjection(nodes: readonly ExprNode[], batch: Batch, huge: boolean): string {
  const emitter = emitterFor(batch, null, huge);
  const outputs = nodes.flatMap((node, k) => {
    const value = emit(emitter, node);
    return value.form === 'null' ? [] : [outputOf(emitter, value, k, batch.rows)];
  });
  return kernelText(emitter, 'i', ...storesText(outputs));
}
