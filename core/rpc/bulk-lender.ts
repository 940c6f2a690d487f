import type { Socket } from 'node:net';
import type { NodeMemory } from '../base/kernel-memory.js';
import { limits } from '../base/limits.js';
import type { LeasedPartition } from '../graph/partition.js';
import type { BulkStore } from './bulk.js';
import { addressOf, ProofPage, proofBytes } from './bulk-address.js';
import { corrupt } from './bulk-check.js';
import {
  decodeLend,
  decodeReturn,
  encodeMemory,
  encodePlace,
  encodePlaces,
  type FetchRequest,
} from './bulk-frames.js';
import { frame, Kind, writeInTurn } from './bulk-socket-wire.js';

/** What a node lets peers read in place. */
export class Lending {
  readonly store: BulkStore;
  readonly memory: NodeMemory;
  private readonly proofs: ProofPage;

  constructor(store: BulkStore, memory: NodeMemory) {
    this.store = store;
    this.memory = memory;
    this.proofs = new ProofPage(memory);
  }

  /** Tells a peer where the memory lies and puts its proof there. Null: the system does not say where it lies. */
  enter(proof: Buffer, socket: Socket): Lender | null {
    if (proof.byteLength !== proofBytes) throw corrupt('request', `a proof of ${proof.byteLength} bytes`);
    const address = addressOf(this.memory);
    if (address === null) return null;
    const region = { pid: process.pid, address, byteLength: this.memory.memory.buffer.byteLength };
    socket.write(frame(Kind.Memory, encodeMemory(region, this.proofs.write(proof))));
    return new Lender(this.store, this.memory, socket);
  }
}

/**
 * The slices that one peer reads in place. Each stays where it is until the peer gives it back, or its connection is gone:
 * it is never taken back from a peer that lives, which would not notice that it reads something else.
 */
export class Lender {
  private readonly store: BulkStore;
  private readonly memory: NodeMemory;
  private readonly socket: Socket;
  private readonly leases = new Map<number, LeasedPartition>();

  constructor(store: BulkStore, memory: NodeMemory, socket: Socket) {
    this.store = store;
    this.memory = memory;
    this.socket = socket;
  }

  /** Throws where the peer does not keep to the protocol. */
  receive(kind: number, body: Buffer): void {
    if (kind === Kind.Lend) this.lend(body);
    else if (kind === Kind.Return) for (const id of decodeReturn(body)) this.takeBack(id);
    else throw corrupt('request', `kind ${kind} among slices in place`);
  }

  close(): void {
    for (const lease of this.leases.values()) lease.release();
    this.leases.clear();
  }

  /** One answer, or more where headers are long. */
  private lend(body: Buffer): void {
    const { id, slices } = decodeLend(body);
    let places: (Buffer | null)[] = [];
    let bytes = 0;
    let answered = 0;
    const answer = () => {
      writeInTurn(this.socket, frame(Kind.Places, encodePlaces((id + answered) >>> 0, places)));
      if (this.socket.writableLength > limits.peerAnswerBytes)
        throw corrupt('request', 'answers are not read');
      answered += places.length;
      places = [];
      bytes = 0;
    };
    slices.forEach((slice, i) => {
      const place = this.place((id + i) >>> 0, slice);
      const size = 4 + (place?.byteLength ?? 0);
      if (places.length > 0 && bytes + size > limits.chunkBytes) answer();
      places.push(place);
      bytes += size;
    });
    answer();
  }

  /** Null: it is to be fetched. */
  private place(id: number, { task, slice }: FetchRequest): Buffer | null {
    if (this.leases.has(id)) throw corrupt('request', `slice ${id} is lent already`);
    const lease = this.leases.size < limits.peerLeases ? this.store.lendInPlace(task, slice) : null;
    if (lease === null) return null;
    if (!this.isHere(lease)) {
      lease.release();
      return null;
    }
    this.leases.set(id, lease);
    return encodePlace({ offset: lease.bytes.byteOffset, header: lease.header });
  }

  /** On the heap, in memory beyond the 4 GiB, or with a header that does not fit: the socket is for those. */
  private isHere({ bytes, header }: LeasedPartition): boolean {
    return (
      bytes.buffer === this.memory.memory.buffer &&
      bytes.byteLength > 0 &&
      bytes.byteLength === header.byteLength
    );
  }

  private takeBack(id: number): void {
    const lease = this.leases.get(id);
    if (lease === undefined) throw corrupt('request', `slice ${id} is not lent`);
    this.leases.delete(id);
    lease.release();
  }
}
