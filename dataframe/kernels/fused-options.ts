import type { DataType } from '../column/datatype.js';
import type { FusedSpec } from './fused-layout.js';
import type { KeyDomain } from './key-domain.js';
import type { TierKind } from './key-tiers.js';
import type { Lent } from './lent.js';

export interface GroupsOptions {
  readonly keys: readonly DataType[];
  readonly specs: readonly FusedSpec[];
  /** True: batches hold states of other tasks. */
  readonly merging: boolean;
  /** Group numbers of the rows are wanted too. */
  readonly numbered: boolean;
  /** Rows to come, where most are groups of their own. */
  readonly expected?: number;
  /** Takes the state over when it has been read; group numbers of rows are valid as long. */
  readonly lent: Lent;
  /** Of the keys, where all that will come have been admitted: several groups of one task share them. */
  readonly domains?: readonly KeyDomain[] | null;
  /** For tests. */
  readonly tier?: TierKind;
}
