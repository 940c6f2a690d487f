import type {
  Dependency__Output,
  Dependency as WireDependency,
} from '../../proto/generated/volley/v1/Dependency.js';
import type { Layer, Layer__Output } from '../../proto/generated/volley/v1/Layer.js';
import type { TaskRange__Output } from '../../proto/generated/volley/v1/TaskRange.js';
import type {
  TaskRanges__Output,
  TaskRanges as WireRanges,
} from '../../proto/generated/volley/v1/TaskRanges.js';
import type { Template__Output } from '../../proto/generated/volley/v1/Template.js';
import { assertNever } from '../base/assert.js';
import type { JobId, TaskRange, TemplateId } from '../base/ids.js';
import { type Dependency, type LayerSpec, type TemplateSpec, templateKinds } from '../graph/layer.js';
import {
  bytesOf,
  check,
  checkLength,
  checkOffsets,
  finite,
  malformed,
  oneOf,
  present,
  readBag,
  readTable,
  readU32,
  writeTable,
} from './codec-fields.js';

/** What clients submit: templates and layers. */

export function readTemplate(wire: Template__Output): TemplateSpec {
  return {
    job: wire.job as JobId,
    template: wire.template as TemplateId,
    kind: oneOf(wire.kind, templateKinds, 'template.kind'),
    name: wire.name,
    body: new Uint8Array(wire.body),
  };
}

export function writeLayer(layer: LayerSpec): Layer {
  const { options } = layer;
  return {
    job: layer.job,
    first: layer.first,
    count: layer.count,
    ...(layer.template === null ? {} : { template: layer.template }),
    dependencies: layer.dependencies.map(writeDependency),
    args: layer.args && writeTable(layer.args),
    slices: layer.slices,
    options: {
      name: options.name,
      retries: options.retries,
      retryOn: options.retryOn && { names: [...options.retryOn] },
      timeoutMs: options.timeoutMs,
      priority: options.priority,
      resources: options.resources,
      labels: options.labels,
      inlineResult: options.inlineResult,
      reportedTogether: options.reportedTogether,
    },
  };
}

export function readLayer(wire: Layer__Output): LayerSpec {
  const options = present(wire.options, 'layer.options');
  check(wire.first + wire.count <= 2 ** 32, 'layer reaches beyond 2^32 tasks');
  return {
    job: wire.job as JobId,
    first: wire.first,
    count: wire.count,
    template: wire.template === undefined ? null : (wire.template as TemplateId),
    dependencies: wire.dependencies.map(dependency => readDependency(dependency, wire.count)),
    args: wire.args && readTable(wire.args, wire.count, 'layer.args'),
    slices: wire.slices,
    options: {
      name: options.name,
      retries: options.retries,
      retryOn: options.retryOn && [...options.retryOn.names],
      timeoutMs: finite(options.timeoutMs, 'options.timeoutMs'),
      priority: finite(options.priority, 'options.priority'),
      resources: readBag(options.resources, 'options.resources'),
      labels: readBag(options.labels, 'options.labels'),
      inlineResult: options.inlineResult,
      reportedTogether: options.reportedTogether,
    },
  };
}

function writeDependency(dependency: Dependency): WireDependency {
  switch (dependency.rule) {
    case 'one-to-one':
      return { oneToOne: dependency.from };
    case 'all':
      return { all: dependency.from };
    case 'all-to-all':
      return { allToAll: dependency.from };
    case 'group':
      return { group: { from: dependency.from, offsetsU32: bytesOf(dependency.offsets) } };
    case 'explicit':
      return {
        explicit: {
          offsetsU32: bytesOf(dependency.offsets),
          jobsU32: bytesOf(dependency.jobs),
          indicesU32: bytesOf(dependency.indices),
        },
      };
    default:
      return assertNever(dependency);
  }
}

function readDependency(wire: Dependency__Output, count: number): Dependency {
  switch (wire.rule) {
    case 'oneToOne': {
      const from = readRange(wire.oneToOne, 'one-to-one');
      check(from.count === count, `one-to-one of ${count} tasks reads ${from.count}`);
      return { rule: 'one-to-one', from };
    }
    case 'all':
      return { rule: 'all', from: readRange(wire.all, 'all') };
    case 'allToAll':
      return { rule: 'all-to-all', from: readRange(wire.allToAll, 'all-to-all') };
    case 'group': {
      const group = present(wire.group, 'group');
      const from = readRange(group.from, 'group');
      const offsets = readU32(group.offsetsU32, 'group.offsets');
      checkOffsets(offsets, count, from.count, 'group.offsets');
      return { rule: 'group', from, offsets };
    }
    case 'explicit': {
      const edges = present(wire.explicit, 'explicit');
      const offsets = readU32(edges.offsetsU32, 'explicit.offsets');
      const jobs = readU32(edges.jobsU32, 'explicit.jobs');
      const indices = readU32(edges.indicesU32, 'explicit.indices');
      checkLength(indices, jobs.length, 'explicit.indices');
      checkOffsets(offsets, count, jobs.length, 'explicit.offsets');
      return { rule: 'explicit', offsets, jobs, indices };
    }
    default:
      throw malformed('a dependency of unknown rule');
  }
}

export function readRange(wire: TaskRange__Output | null | undefined, what: string): TaskRange {
  const { job, first, count } = present(wire, what);
  check(first + count <= 2 ** 32, `${what} reaches beyond 2^32 tasks`);
  return { job: job as JobId, first, count };
}

export function writeRanges(ranges: readonly TaskRange[]): WireRanges {
  return {
    jobsU32: bytesOf(Uint32Array.from(ranges, range => range.job)),
    firstsU32: bytesOf(Uint32Array.from(ranges, range => range.first)),
    countsU32: bytesOf(Uint32Array.from(ranges, range => range.count)),
  };
}

export function readRanges(wire: TaskRanges__Output): TaskRange[] {
  const jobs = readU32(wire.jobsU32, 'ranges');
  const firsts = readU32(wire.firstsU32, 'ranges');
  const counts = readU32(wire.countsU32, 'ranges');
  checkLength(firsts, jobs.length, 'ranges');
  checkLength(counts, jobs.length, 'ranges');
  return Array.from(jobs, (job, i) => readRange({ job, first: firsts[i]!, count: counts[i]! }, 'range'));
}
