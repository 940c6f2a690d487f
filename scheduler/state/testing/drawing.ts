import { assert } from '../../../core/base/assert.js';

export interface DrawnLayer {
  readonly name: string;
  readonly count: number;
  readonly put: boolean;
  readonly inputs: { from: string; rule: 'one-to-one' | 'all' | 'all-to-all' | 'group'; size: number }[];
}

/**
 * Reads chains of layers, separated by `;`. A layer is `name`, `name*count` or `put name*count`; an arrow is a rule:
 *
 *     a*4 -> b*4     one-to-one
 *     a*4 => b       all
 *     a*4 ~> b*3     all-to-all: a shuffle
 *     a*4 -2> b*2    group of two
 */
export function draw(drawing: string): DrawnLayer[] {
  const layers = new Map<string, DrawnLayer>();
  for (const chain of drawing.split(';')) {
    const parts = chain.trim().split(/\s+(->|=>|~>|-\d+>)\s+/);
    let before: DrawnLayer | null = null;
    for (let at = 0; at < parts.length; at += 2) {
      const layer = readLayer(parts[at]!, layers);
      if (before !== null) layer.inputs.push({ from: before.name, ...readArrow(parts[at - 1]!) });
      before = layer;
    }
  }
  return [...layers.values()];
}

function readLayer(text: string, layers: Map<string, DrawnLayer>): DrawnLayer {
  const match = /^(put )?(\w+)(?:\*(\d+))?$/.exec(text.trim());
  assert(match !== null, `'${text}' is no layer`);
  const [, put, name, count] = match;
  const known = layers.get(name!);
  if (known !== undefined) return known;
  const layer = { name: name!, count: Number(count ?? 1), put: put !== undefined, inputs: [] };
  layers.set(layer.name, layer);
  return layer;
}

function readArrow(arrow: string): Omit<DrawnLayer['inputs'][number], 'from'> {
  if (arrow === '->') return { rule: 'one-to-one', size: 0 };
  if (arrow === '=>') return { rule: 'all', size: 0 };
  if (arrow === '~>') return { rule: 'all-to-all', size: 0 };
  return { rule: 'group', size: Number(arrow.slice(1, -1)) };
}
