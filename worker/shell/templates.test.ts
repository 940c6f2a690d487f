import { expect, test } from 'vitest';
import type { JobId, TemplateId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { TemplateKind } from '../../core/graph/layer.js';
import { DataType } from '../../dataframe/column/datatype.js';
import type { Fragment } from '../../dataframe/physical/fragment.js';
import { packFragment } from '../../dataframe/physical/fragment-body.js';
import { Templates } from './templates.js';

const [job, template] = [1 as JobId, 1 as TemplateId];
const schema = [{ name: 'k', type: DataType.Int32 }];
const moving: Fragment = {
  source: { kind: 'input', input: 0 },
  ops: [],
  sink: { kind: 'partition' },
  inputs: [schema],
};
const grouping: Fragment = {
  ...moving,
  ops: [{ kind: 'aggregate', phase: 'partial', keys: ['k'], aggregates: [], input: schema }],
};

function templatesWith(kind: TemplateKind, body: Uint8Array): Templates {
  const templates = new Templates();
  templates.add({ job, template, kind, name: 'f', body });
  return templates;
}

test('what tasks will ask for: as much as they read, what states of groups take for the first ones, or nobody knows', () => {
  const inputs = Array.from({ length: 3 * limits.guessedRooms }, (_, i) => ({ rows: i, bytes: 100 * i }));
  const moved = templatesWith('fragment', packFragment(moving)).resultBytes(job, template, inputs);
  expect(moved).toEqual(inputs.map(({ bytes }) => bytes));
  const grouped = templatesWith('fragment', packFragment(grouping)).resultBytes(job, template, inputs);
  expect(grouped).toEqual(new Array(limits.guessedRooms).fill(limits.copiedResultBytes));
  expect(templatesWith('function', new Uint8Array(1)).resultBytes(job, template, inputs)).toBeNull();
  expect(new Templates().resultBytes(job, template, inputs)).toBeNull();
});
