import type { FoundTexts, ReadUse } from '../io/source.js';
import type { Lent } from '../kernels/lent.js';
import { aggregatedOnly } from './aggregated-only.js';
import type { Chain } from './chain.js';
import type { Fragment } from './fragment.js';

/** What becomes of the rows that a task scans. `found`: by tasks of its layer on this thread. */
export function readUseOf({ ops, sink }: Fragment, chain: Chain, lent: Lent, found: FoundTexts): ReadUse {
  const [first] = ops;
  const moves = chain.movesOnly && ops.every(({ kind }) => kind === 'project');
  const answers = sink.kind === 'partition' && sink.wide === true;
  return {
    lent,
    // Text goes out as it came in, and to somebody who does not group by it later: it need not be looked at.
    movesText: chain.movesOnly && (sink.kind === 'file' || answers),
    // How many of the first rows of the source the first operator lets through.
    rows: first?.kind === 'limit' ? first.n + first.offset : Number.POSITIVE_INFINITY,
    aggregated: aggregatedOnly(ops),
    ...(moves && answers ? { together: found } : {}),
  };
}
