import { type KernelMemory, kernelMemory } from '../../../core/base/kernel-memory.js';
import { limits } from '../../../core/base/limits.js';
import {
  add,
  and,
  type Code,
  functionFor,
  functionOver,
  geU,
  giveBack,
  gtU,
  int,
  load32,
  loadAs,
  localsOf,
  ltU,
  mul,
  not,
  select,
  shl,
  shrU,
  statements,
  storeAs,
  sub,
  when,
  whileTrue,
} from '../../codegen/wasm/assemble.js';
import type { Values } from '../../column/column.js';
import { runHeader } from './run-header.js';

/** Fewer are picked sooner than a table is copied. */
const fewPicked = 32;
/** Bytes behind a page's last one that are touched, but not looked at. */
const slack = 16;
/** Places of fields are counted in bits. */
const mostBits = 2 ** 31;

/**
 * `picked` to `last`: row numbers, ascending; `first`: the row of the next run, `count`: rows of the page that are left,
 * `limit`: the row behind the run.
 */
const parameters = [
  ...['p', 'end', 'width', 'picked', 'last', 'first', 'count'],
  ...['out', 'table', 'entries'],
] as const;
const variables = ['head', 'shift', 'run', 'next', 'bit', 'c', 'seen', 'limit', 'bytes'] as const;
const locals = localsOf<string>([...parameters, ...variables]);
const { get, set } = locals;
const step = (name: string, by: Code) => set(name, add(get(name), by));

/** What the function gives back. */
const [done, tooShort, beyond] = [0, 1, 2];
const fails = (condition: Code, why: number) => when(condition, giveBack(int(why)));

/** Rows of the run that the page has: `limit` is behind them, and `run` their number. */
function within(rows: Code): Code {
  return statements(
    set('run', rows),
    set('run', select(gtU(get('run'), get('count')), get('count'), get('run'))),
    set('limit', add(get('first'), get('run'))),
  );
}

/** `code` for every row that is picked of the run. */
function rowsOfRun(code: Code, sizeLog2: number): Code {
  const value = loadAs(sizeLog2, add(get('table'), shl(get('c'), int(sizeLog2))));
  return whileTrue(
    and(ltU(get('picked'), get('last')), ltU(load32(get('picked')), get('limit'))),
    statements(
      code,
      // Below 0 as long as each code is less than `entries`: neither has 31 bits.
      set('seen', and(get('seen'), sub(get('c'), get('entries')))),
      storeAs(sizeLog2, get('out'), value, 0),
      step('out', int(1 << sizeLog2)),
      step('picked', int(4)),
    ),
  );
}

function bodyFor(sizeLog2: number): Code {
  const field = statements(
    set('bit', mul(sub(load32(get('picked')), get('first')), get('width'))),
    set('c', load32(add(get('p'), shrU(get('bit'), int(3))))),
    set('c', shrU(get('c'), and(get('bit'), int(7)))),
    set('c', and(get('c'), sub(shl(int(1), get('width')), int(1)))),
  );
  const groups = shrU(add(get('count'), int(7)), int(3));
  const packed = statements(
    // A run may claim more groups than there are rows, or could be.
    set('run', select(gtU(get('run'), groups), groups, get('run'))),
    set('bytes', mul(get('run'), get('width'))),
    within(shl(get('run'), int(3))),
    fails(gtU(shrU(add(mul(get('run'), get('width')), int(7)), int(3)), sub(get('end'), get('p'))), tooShort),
    rowsOfRun(field, sizeLog2),
    step('p', get('bytes')),
  );
  const valueBytes = shrU(add(get('width'), int(7)), int(3));
  const repeated = statements(
    set('bytes', valueBytes),
    fails(gtU(get('bytes'), sub(get('end'), get('p'))), tooShort),
    set('c', and(load32(get('p')), sub(shl(int(1), shl(get('bytes'), int(3))), int(1)))),
    step('p', get('bytes')),
    fails(geU(get('c'), get('entries')), beyond),
    within(get('run')),
    rowsOfRun([], sizeLog2),
  );
  return statements(
    set('seen', int(-1)),
    whileTrue(
      ltU(get('picked'), get('last')),
      statements(
        fails(not(get('count')), tooShort),
        runHeader(locals, tooShort),
        when(and(get('head'), int(1)), packed, repeated),
        set('first', get('limit')),
        set('count', sub(get('count'), get('run'))),
      ),
    ),
    giveBack(select(shrU(get('seen'), int(31)), int(done), int(beyond))),
  );
}

function kernel({ memory }: KernelMemory, sizeLog2: number) {
  return functionFor(memory, `pick ${sizeLog2}`, () =>
    functionOver(memory, parameters.length, variables.length, bodyFor(sizeLog2)),
  );
}

/**
 * Of a run-length / bit-packed page in bytes[from, to) of `count` codes of 1 to 16 bits, the first of which is of row `first`:
 * table[code] of each of the ascending rows `picked`, which are among them, to out[at...]. The table has an entry for every
 * code of that width, of which `entries` are real; one element each. All but the table lies in the lane's memory.
 * @returns null when it cannot, and nothing was done; false when a code was `entries` or more
 * @throws RangeError where the page ends too early
 */
export function pickInWasm(
  bytes: Uint8Array,
  from: number,
  to: number,
  width: number,
  first: number,
  count: number,
  picked: Int32Array,
  table: Values,
  entries: number,
  out: Values,
  at: number,
): boolean | null {
  const home = kernelMemory();
  if (home === null || picked.length < fewPicked || width === 0 || width > 16) return null;
  if (count * width >= mostBits) return null;
  const { buffer, workspace } = home;
  if (bytes.buffer !== buffer || picked.buffer !== buffer || out.buffer !== buffer) return null;
  const size = table.BYTES_PER_ELEMENT;
  const used = size << width;
  if (table.length >>> width === 0 || used + slack > limits.workspaceBytes) return null;
  let tableAt = table.byteOffset;
  if (table.buffer !== buffer) {
    new Uint8Array(buffer, workspace, used).set(new Uint8Array(table.buffer, tableAt, used));
    tableAt = workspace;
  }
  const result = kernel(home, Math.log2(size))(
    ...[bytes.byteOffset + from, bytes.byteOffset + to, width],
    ...[picked.byteOffset, picked.byteOffset + picked.byteLength, first, count],
    ...[out.byteOffset + at * size, tableAt, entries],
  );
  if (result === tooShort) throw new RangeError('run-length data ends too early');
  return result === done;
}
