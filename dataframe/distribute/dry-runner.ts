import type { JobId, TaskRange } from '../../core/base/ids.js';
import type { Dependency } from '../../core/graph/layer.js';
import type { Schema } from '../column/datatype.js';
import { formatExpr } from '../expr/format.js';
import type { FragmentOp, FragmentSink } from '../physical/fragment.js';
import { formatColumns, formatSort, formatSpecs, formatTake, formatUnpivot } from '../plan/explain.js';
import type { MemoryTable } from '../plan/memory-table.js';
import { planConstants } from './constants.js';
import type { Layer, StageRequest, StageRunner } from './stage.js';

/** Sizes a dry run cannot measure: the share of the bytes that entered a stage which its result is taken to have. */
const RESULT_SHARE: Partial<Record<FragmentOp['kind'], number>> = {
  filter: 0.3,
  aggregate: 0.1,
  limit: 0.01,
  tail: 0.01,
  sample: 0.01,
};

/**
 * Runs nothing and writes down every stage it is asked for. Sizes are guesses where the real run measures, so a
 * join or a fan-out near its threshold may turn out otherwise.
 */
export class DryRunner implements StageRunner {
  readonly measures = false;
  readonly #stages: string[] = [];
  /** Stage by its number; ranges are named by it. */
  readonly #bytes: number[] = [];

  submit(stage: StageRequest, schema: Schema): Layer {
    const dependent = stage.dependencies.reduce((sum, d) => sum + this.#bytesOf(d), 0);
    const share = stage.fragment.ops.reduce((product, op) => product * (RESULT_SHARE[op.kind] ?? 1), 1);
    return this.#add(describeStage(stage), stage.tasks, (stage.bytesIn + dependent) * share, schema);
  }

  async empty(schema: Schema): Promise<Layer> {
    return this.#add('1 partition without rows', 1, 0, schema);
  }

  async open(table: MemoryTable, schema: Schema): Promise<Layer> {
    return this.#add(`memory ${table.name}`, 1, 0, schema);
  }

  text(): string {
    return this.#stages.map((stage, i) => `stage ${i}: ${stage}`).join('\n');
  }

  #add(text: string, tasks: number, bytes: number, schema: Schema): Layer {
    const range: TaskRange = { job: this.#stages.length as JobId, first: 0, count: tasks };
    this.#stages.push(text);
    this.#bytes.push(bytes);
    const stats = {
      // Enough that no task is planned to read several of them.
      rows: new Float64Array(tasks).fill(planConstants.maxTaskRows),
      bytes: new Float64Array(tasks).fill(bytes / tasks),
      inline: [],
    };
    const fetch = () => Promise.reject(new Error('volley bug: a dry run has no rows'));
    return { range, schema, stats: async () => stats, fetch };
  }

  #bytesOf(dependency: Dependency): number {
    const stages = dependency.rule === 'explicit' ? new Set(dependency.jobs) : [dependency.from.job];
    return [...stages].reduce((sum, stage) => sum + (this.#bytes[stage] ?? 0), 0);
  }
}

function describeStage({ fragment, tasks, dependencies }: StageRequest): string {
  const inputs = dependencies.map(describeDependency);
  const { source } = fragment;
  const from =
    source.kind === 'input'
      ? `input ${inputs[source.input]}`
      : `${source.kind} ${source.scan.format} ${source.scan.paths.join(', ')} [${(source.scan.columns ?? source.scan.schema?.map(f => f.name) ?? []).join(', ')}]`;
  const ops = fragment.ops.map(op => `  ${describeOp(op, inputs)}`);
  return [
    `${tasks} ${tasks === 1 ? 'task' : 'tasks'}: ${from}`,
    ...ops,
    `  → ${describeSink(fragment.sink)}`,
  ].join('\n');
}

function describeDependency(dependency: Dependency): string {
  if (dependency.rule === 'explicit') {
    return `stages ${[...new Set(dependency.jobs)].join(', ')} (one after another)`;
  }
  const rules = { 'one-to-one': 'one-to-one', all: 'all of it', 'all-to-all': 'shuffled', group: 'grouped' };
  return `stage ${dependency.from.job} (${rules[dependency.rule]})`;
}

function describeOp(op: FragmentOp, inputs: readonly string[]): string {
  switch (op.kind) {
    case 'filter':
      return `filter ${formatExpr(op.predicate)}`;
    case 'project':
      return `project ${formatColumns(op.columns)}`;
    case 'limit':
      return `limit ${op.n}${op.offset === 0 ? '' : ` offset ${op.offset}`}`;
    case 'tail':
      return `tail ${op.n}`;
    case 'sort':
      return `sort ${formatSort(op.by)}${op.limit === null ? '' : ` top ${op.limit}`}`;
    case 'survey':
      return `survey groups by [${op.keys.join(', ')}]`;
    case 'extents':
      return `extents of [${op.columns.join(', ')}]`;
    case 'pack':
    case 'unpack':
      return `${op.kind} [${op.fields.map(({ column }) => column).join(', ')}]`;
    case 'sample':
      return op.phase === 'take' ? `sample ${formatSort(op.by)}` : `choose ${op.ranges - 1} splitters`;
    case 'explode':
      return `explode ${op.columns.join(', ')}`;
    case 'unpivot':
      return `unpivot ${formatUnpivot(op)}`;
    case 'number':
      return op.seed === null ? `number rows as ${op.name}` : `random ${op.name} from seed ${op.seed}`;
    case 'aggregate':
      return `aggregate ${op.phase} by [${op.keys.join(', ')}]: ${formatSpecs(op.aggregates)}`;
    case 'join': {
      const on = op.leftOn.map((l, i) => `${l} = ${op.rightOn[i]}`).join(', ');
      return `join ${op.how} with ${inputs[op.input]} on ${on} take [${formatTake(op.take)}]`;
    }
  }
}

function describeSink(sink: FragmentSink): string {
  if (sink.kind === 'hash') return `hash [${sink.keys.join(', ')}] into ${sink.fanOut}`;
  if (sink.kind === 'table') return `table by [${sink.keys.join(', ')}] with [${sink.columns.join(', ')}]`;
  if (sink.kind === 'range') return `range [${formatSort(sink.by)}] into ${sink.fanOut}`;
  if (sink.kind === 'records' || sink.kind === 'dictionaries') return sink.kind;
  return sink.kind === 'file' ? `write ${sink.file.path} (${sink.file.role})` : 'partition';
}
