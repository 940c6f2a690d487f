import type { TaskRef } from '../../core/base/ids.js';
import { formatTask } from '../../core/base/ids.js';
import type { PartitionHeader, SlicePlace } from '../../core/graph/partition.js';
import { readMemoryNow } from '../../core/rpc/bulk-address.js';
import type { FragmentInput } from '../../dataframe/physical/task.js';
import { NodeFault } from './mailbox.js';
import type { AwayInput } from './protocol.js';

/** The peer that held an input is gone: it has to be made again. */
export class InputLost extends NodeFault {
  readonly task: TaskRef;

  constructor(task: TaskRef, cause: unknown) {
    const story = `input ${formatTask(task.job, task.index)} cannot be read where it lies: ${(cause as Error).message}`;
    super('DATA_LOST', story, {}, { cause });
    this.task = task;
  }
}

/** An input in the memory of a peer, which keeps it there while the batch runs. */
export class PeerInput implements FragmentInput {
  readonly header: PartitionHeader;
  private readonly task: TaskRef;
  private readonly place: SlicePlace;
  private whole: Uint8Array | null = null;

  constructor({ header, task, place }: AwayInput) {
    this.header = header;
    this.task = task;
    this.place = place;
  }

  /** A copy of all of it, for those who look into it. */
  get bytes(): Uint8Array {
    if (this.whole === null) {
      const bytes = new Uint8Array(this.header.byteLength);
      this.readInto(bytes, 0);
      this.whole = bytes;
    }
    return this.whole;
  }

  /** Throws InputLost. */
  readInto(target: Uint8Array, offset: number): void {
    try {
      readMemoryNow(this.place, offset, target);
    } catch (error) {
      throw new InputLost(this.task, error);
    }
  }
}
