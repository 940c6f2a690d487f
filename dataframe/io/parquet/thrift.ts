/** Types of the compact protocol. */
const Kind = { True: 1, False: 2, Byte: 3, I16: 4, I32: 5, I64: 6, Binary: 8, List: 9, Struct: 12 } as const;

/** What fields are written with; ids ascend within a struct. */
export interface ThriftFields {
  bool(id: number, value: boolean): void;
  byte(id: number, value: number): void;
  i16(id: number, value: number): void;
  i32(id: number, value: number): void;
  /** A safe integer. */
  i64(id: number, value: number): void;
  binary(id: number, value: Uint8Array | string): void;
  struct(id: number, write: (fields: ThriftFields) => void): void;
  structs<T>(id: number, items: readonly T[], write: (item: T, fields: ThriftFields) => void): void;
  i32s(id: number, values: readonly number[]): void;
  i64s(id: number, values: readonly number[]): void;
  bools(id: number, values: readonly boolean[]): void;
  binaries(id: number, values: readonly (Uint8Array | string)[]): void;
}

/** One struct in Thrift's compact protocol, the form of all of Parquet's metadata. */
export function thrift(write: (fields: ThriftFields) => void): Uint8Array {
  const writer = new Writer();
  writer.whole(write);
  return writer.bytes();
}

class Writer implements ThriftFields {
  #bytes = new Uint8Array(1024);
  #length = 0;
  #lastId = 0;

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  whole(write: (fields: ThriftFields) => void): void {
    const outer = this.#lastId;
    this.#lastId = 0;
    write(this);
    this.#byte(0);
    this.#lastId = outer;
  }

  bool(id: number, value: boolean): void {
    this.#field(id, value ? Kind.True : Kind.False);
  }

  byte(id: number, value: number): void {
    this.#field(id, Kind.Byte);
    this.#byte(value);
  }

  i16(id: number, value: number): void {
    this.#field(id, Kind.I16);
    this.#zigzag(value);
  }

  i32(id: number, value: number): void {
    this.#field(id, Kind.I32);
    this.#zigzag(value);
  }

  i64(id: number, value: number): void {
    this.#field(id, Kind.I64);
    this.#zigzag(value);
  }

  binary(id: number, value: Uint8Array | string): void {
    this.#field(id, Kind.Binary);
    this.#text(value);
  }

  struct(id: number, write: (fields: ThriftFields) => void): void {
    this.#field(id, Kind.Struct);
    this.whole(write);
  }

  structs<T>(id: number, items: readonly T[], write: (item: T, fields: ThriftFields) => void): void {
    this.#list(id, Kind.Struct, items.length);
    for (const item of items) this.whole(fields => write(item, fields));
  }

  i32s(id: number, values: readonly number[]): void {
    this.#list(id, Kind.I32, values.length);
    for (const value of values) this.#zigzag(value);
  }

  i64s(id: number, values: readonly number[]): void {
    this.#list(id, Kind.I64, values.length);
    for (const value of values) this.#zigzag(value);
  }

  bools(id: number, values: readonly boolean[]): void {
    this.#list(id, Kind.True, values.length);
    for (const value of values) this.#byte(value ? Kind.True : Kind.False);
  }

  binaries(id: number, values: readonly (Uint8Array | string)[]): void {
    this.#list(id, Kind.Binary, values.length);
    for (const value of values) this.#text(value);
  }

  #field(id: number, kind: number): void {
    const step = id - this.#lastId;
    this.#lastId = id;
    if (step > 0 && step < 16) this.#byte((step << 4) | kind);
    else {
      this.#byte(kind);
      this.#zigzag(id);
    }
  }

  #list(id: number, kind: number, length: number): void {
    this.#field(id, Kind.List);
    if (length < 15) this.#byte((length << 4) | kind);
    else {
      this.#byte(0xf0 | kind);
      this.#varint(length);
    }
  }

  #text(value: Uint8Array | string): void {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    this.#varint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #zigzag(value: number): void {
    this.#varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  #varint(value: number): void {
    while (value >= 128) {
      this.#byte((value % 128) | 128);
      value = Math.floor(value / 128);
    }
    this.#byte(value);
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
