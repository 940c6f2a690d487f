import type { TaskRange } from '../../core/base/ids.js';
import { isValid } from '../column/bitmap.js';
import type { Schema } from '../column/datatype.js';
import { entryText } from '../column/dictionary.js';
import { isCoded } from '../column/layout.js';
import { packFields } from '../kernels/packed-tier.js';
import type { FragmentOp, PackedField } from '../physical/fragment.js';
import { extentsSchema } from '../physical/schema.js';
import type { Extent } from '../plan/memory-table.js';
import { type AggregatePlan, fieldOf } from '../plan/plan.js';
import type { BuildContext } from './build.js';
import { fetchAll } from './fetch.js';
import { overLayer, type Pipeline, perPartition, sourceOf, submitPipeline, withOp } from './pipeline.js';
import type { Layer, StageRunner } from './stage.js';

/** How the keys of a group-by become one column of 64 bits. */
export interface Packing {
  readonly name: string;
  readonly fields: readonly PackedField[];
  /** A layer with the dictionaries of the text among them; null: there is none. */
  readonly dictionaries: { readonly range: TaskRange; readonly schema: Schema } | null;
}

/** A name no user column has. */
const PACKED = '\u0000key';
/** Digits are 32-bit integers, and null is one more. */
const mostValues = 2 ** 31 - 2;

/**
 * Packing, where the rows come from a table that lies on the workers, the keys are columns of it as they are, and the
 * values they have in all of it fit. What is asked about the table is asked once. A function of the data alone.
 */
export async function choosePacking(
  plan: AggregatePlan,
  rows: Pipeline,
  { runner }: BuildContext,
): Promise<Packing | null> {
  const { origin, ops } = rows;
  if (origin.kind !== 'layers' || origin.whole?.facts === undefined || rows.builds.length > 0) return null;
  const layer = origin.whole;
  const sources = plan.keys.map(key => sourceOf(key, ops));
  if (sources.some(source => source === null)) return null;
  const extents = await extentsOf(layer, sources as string[], runner);
  const found = extents.filter(extent => extent !== null);
  if (found.length < plan.keys.length) return null;
  const sizes = found.map(({ min, max }) => max - min + 1);
  if (sizes.some(size => size > mostValues)) return null;
  const places = packFields(sizes);
  if (places === null) return null;
  const fields = plan.keys.map((column, k): PackedField => {
    const { min, nullable, dictionary } = found[k]!;
    const { type } = fieldOf(rows.schema, column);
    const { word, shift } = places[k]!;
    return { column, type, base: min, size: sizes[k]!, nullable, dictionary, word, shift };
  });
  const text = fields.some(({ dictionary }) => dictionary !== null);
  return { name: PACKED, fields, dictionaries: text ? await dictionariesOf(rows, layer, runner) : null };
}

/** What values the columns have, over all partitions. */
async function extentsOf(
  layer: Layer,
  columns: readonly string[],
  runner: StageRunner,
): Promise<(Extent | null)[]> {
  const known = layer.facts!.extents;
  const asked = [...new Set(columns)].filter(name => !known.has(name));
  if (asked.length > 0) {
    const step = { kind: 'extents', columns: asked } as const;
    const look = withOp(perPartition(layer), step, extentsSchema);
    const batches = await fetchAll(submitPipeline(runner, look, { kind: 'partition' }));
    const found = asked.map((): Extent[] => []);
    for (const { rows, columns: values } of batches) {
      const [position, min, max, nulls, id] = values;
      for (let i = 0; i < rows; i++) {
        const text = isValid(id!.validity, i) ? entryText(id!.dictionary!, id!.values[i]!) : null;
        const extent = { min: min!.values[i]!, max: max!.values[i]!, nullable: nulls!.values[i]! > 0 };
        found[position!.values[i]!]!.push({ ...extent, dictionary: text });
      }
    }
    asked.forEach((name, k) => {
      known.set(name, united(found[k]!, isCoded(fieldOf(layer.schema, name).type)));
    });
  }
  return columns.map(name => known.get(name) ?? null);
}

function united(extents: readonly Extent[], coded: boolean): Extent | null {
  const [first] = extents;
  if (first === undefined) return null;
  const { dictionary } = first;
  if (coded && (dictionary === null || extents.some(extent => extent.dictionary !== dictionary))) return null;
  const min = Math.min(...extents.map(extent => extent.min));
  const max = Math.max(...extents.map(extent => extent.max));
  if (!(max >= min)) return null;
  return { min, max, nullable: extents.some(extent => extent.nullable), dictionary };
}

/** The dictionaries of one partition that has rows are those of all. */
async function dictionariesOf(rows: Pipeline, layer: Layer, runner: StageRunner): Promise<Layer> {
  const { job, first } = layer.range;
  const filled = Array.from((await layer.stats()).rows.entries()).filter(([, count]) => count > 0);
  const [position] = filled[filled.length >> 1]!;
  const explicit = {
    rule: 'explicit',
    offsets: Uint32Array.of(0, 1),
    jobs: Uint32Array.of(job),
    indices: Uint32Array.of(first + position),
  } as const;
  const limit: FragmentOp = { kind: 'limit', n: 1, offset: 0 };
  const ops = [limit, ...rows.ops.filter(op => op.kind === 'project')];
  const one = { ...overLayer(explicit, layer.schema, 1, async () => 0), ops, schema: rows.schema };
  return submitPipeline(runner, one, { kind: 'dictionaries' });
}
