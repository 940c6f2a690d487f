import { isUtf8 } from 'node:buffer';

/**
 * A table of a flatbuffer that nobody vouches for. Every position is checked: against the buffer by DataView, which
 * throws RangeError, and counts against the bytes that are left, before anything is allocated for them.
 */
export class FlatTable {
  readonly #view: DataView;
  readonly #at: number;
  readonly #vtable: number;
  readonly #vtableBytes: number;
  /** Bytes of the table itself: all of its fields begin in them. */
  readonly #ownBytes: number;

  constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
    this.#vtable = at - view.getInt32(at, true);
    this.#vtableBytes = view.getUint16(this.#vtable, true);
    this.#ownBytes = view.getUint16(this.#vtable + 2, true);
    const { byteLength } = view;
    const whole = this.#vtable + this.#vtableBytes <= byteLength && at + this.#ownBytes <= byteLength;
    if (!whole || this.#vtableBytes % 2 !== 0 || this.#vtableBytes < 4) {
      throw new RangeError('a table of its metadata is damaged');
    }
  }

  /** The root table of a buffer. */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(view, view.getUint32(0, true));
  }

  /** Where field `slot` lies; -1: it is absent, its default holds. */
  #place(slot: number): number {
    const entry = 4 + 2 * slot;
    if (entry + 2 > this.#vtableBytes) return -1;
    const offset = this.#view.getUint16(this.#vtable + entry, true);
    if (offset >= this.#ownBytes) throw new RangeError('a field of its metadata lies outside of its table');
    return offset === 0 ? -1 : this.#at + offset;
  }

  #target(slot: number): number {
    const place = this.#place(slot);
    return place < 0 ? -1 : place + this.#view.getUint32(place, true);
  }

  bool(slot: number): boolean {
    return this.uint8(slot, 0) !== 0;
  }

  uint8(slot: number, absent: number): number {
    const place = this.#place(slot);
    return place < 0 ? absent : this.#view.getUint8(place);
  }

  int16(slot: number, absent: number): number {
    const place = this.#place(slot);
    return place < 0 ? absent : this.#view.getInt16(place, true);
  }

  int32(slot: number, absent: number): number {
    const place = this.#place(slot);
    return place < 0 ? absent : this.#view.getInt32(place, true);
  }

  int64(slot: number, absent: number): number {
    const place = this.#place(slot);
    return place < 0 ? absent : safeInt64(this.#view, place);
  }

  table(slot: number): FlatTable | null {
    const target = this.#target(slot);
    return target < 0 ? null : new FlatTable(this.#view, target);
  }

  text(slot: number): string | null {
    const target = this.#target(slot);
    if (target < 0) return null;
    const length = this.#count(target, 1);
    const bytes = new Uint8Array(this.#view.buffer, this.#view.byteOffset + target + 4, length);
    if (!isUtf8(bytes)) throw new RangeError('a text of its metadata is not UTF-8');
    return new TextDecoder().decode(bytes);
  }

  tables(slot: number): FlatTable[] {
    const target = this.#target(slot);
    if (target < 0) return [];
    return Array.from({ length: this.#count(target, 4) }, (_, i) => {
      const entry = target + 4 + 4 * i;
      return new FlatTable(this.#view, entry + this.#view.getUint32(entry, true));
    });
  }

  /** Keys and values that nobody here reads, but others do. */
  checkPairs(slot: number): void {
    for (const pair of this.tables(slot)) {
      pair.text(0);
      pair.text(1);
    }
  }

  /** A vector of structs of `bytes` each, read one by one. */
  structs<T>(slot: number, bytes: number, read: (view: DataView, at: number) => T): T[] {
    const target = this.#target(slot);
    if (target < 0) return [];
    return Array.from({ length: this.#count(target, bytes) }, (_, i) =>
      read(this.#view, target + 4 + bytes * i),
    );
  }

  #count(target: number, bytes: number): number {
    const count = this.#view.getUint32(target, true);
    if (count * bytes > this.#view.byteLength - target - 4) {
      throw new RangeError(`its metadata claims ${count} entries, more than its bytes hold`);
    }
    return count;
  }
}

/** A 64-bit integer that must be a safe one: counts, offsets and lengths all are. */
export function safeInt64(view: DataView, at: number): number {
  const value = view.getInt32(at + 4, true) * 4294967296 + view.getUint32(at, true);
  if (!Number.isSafeInteger(value)) throw new RangeError(`its metadata holds ${value} as a size`);
  return value;
}
