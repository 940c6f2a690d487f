/**
 * The fields of a struct that are looked at, by number: name and form. What is not named is stepped over; what has
 * another type than it should is refused. A name that ends in '!' must be there.
 */
export interface StructForm {
  readonly [id: number]: readonly [name: string, form: FieldForm];
}
export type FieldForm =
  | 'bool'
  | 'byte'
  | 'i32'
  | 'i64'
  | 'binary'
  | 'text'
  | { readonly struct: StructForm }
  | { readonly list: 'bool' | 'i32' | 'i64' | 'binary' | 'text' | { readonly struct: StructForm } };

/** A form as it is used: what its names say is worked out once, for every page has a header or two. */
interface Prepared {
  /** By number. */
  readonly fields: readonly (readonly [name: string, form: FieldForm] | undefined)[];
  readonly required: readonly string[];
}

const prepared = new Map<StructForm, Prepared>();

function prepare(form: StructForm): Prepared {
  const fields: [string, FieldForm][] = [];
  const required: string[] = [];
  for (const [id, [name, field]] of Object.entries(form)) {
    const plain = name.replace('!', '');
    fields[Number(id)] = [plain, field];
    if (plain !== name) required.push(plain);
  }
  const known = { fields, required };
  prepared.set(form, known);
  return known;
}

/** Of a struct that is stepped over. */
const nothing: StructForm = {};

/** Types of the compact protocol. */
const Kind = {
  True: 1,
  False: 2,
  Byte: 3,
  I16: 4,
  I32: 5,
  I64: 6,
  Double: 7,
  Binary: 8,
  List: 9,
  Set: 10,
  Map: 11,
  Struct: 12,
};
const scalarKinds = { byte: Kind.Byte, i32: Kind.I32, i64: Kind.I64, binary: Kind.Binary, text: Kind.Binary };
/** Structs within structs: Parquet's own go six deep. */
const maxDepth = 24;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads structs of Thrift's compact protocol from bytes nobody vouches for. @throws RangeError, TypeError (text) */
export class ThriftReader {
  /** Where the next byte is read. */
  position: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  struct(form: StructForm, depth = 0): Record<string, unknown> {
    if (depth > maxDepth) throw new RangeError('metadata is nested too deeply');
    const { fields, required } = prepared.get(form) ?? prepare(form);
    const out: Record<string, unknown> = {};
    for (let id = 0; ; ) {
      const head = this.#byte();
      if (head === 0) break;
      const kind = head & 15;
      id = head >> 4 === 0 ? this.#zigzag() : id + (head >> 4);
      const field = fields[id];
      if (field === undefined) this.#skip(kind, depth);
      else out[field[0]] = this.#value(field[1], kind, depth);
    }
    for (const name of required) if (out[name] === undefined) throw new RangeError(`metadata lacks ${name}`);
    return out;
  }

  #value(form: FieldForm, kind: number, depth: number): unknown {
    if (form === 'bool') {
      if (kind !== Kind.True && kind !== Kind.False) throw wrongType();
      return kind === Kind.True;
    }
    if (typeof form === 'string') {
      if (kind !== scalarKinds[form]) throw wrongType();
      return this.#scalar(form);
    }
    if ('struct' in form) {
      if (kind !== Kind.Struct) throw wrongType();
      return this.struct(form.struct, depth + 1);
    }
    if (kind !== Kind.List) throw wrongType();
    return this.#list(form.list, depth);
  }

  #list(form: Extract<FieldForm, { list: unknown }>['list'], depth: number): unknown[] {
    const { count, kind } = this.#listHead();
    const out: unknown[] = [];
    for (let i = 0; i < count; i++) {
      if (form === 'bool') {
        if (kind !== Kind.True && kind !== Kind.False) throw wrongType();
        out.push(this.#byte() === Kind.True);
      } else out.push(this.#value(form, kind, depth));
    }
    return out;
  }

  #scalar(form: keyof typeof scalarKinds): unknown {
    switch (form) {
      case 'byte':
        return (this.#byte() << 24) >> 24;
      case 'i32': {
        const value = this.#zigzag();
        if (value !== (value | 0)) throw new RangeError(`metadata holds ${value} where 32 bits belong`);
        return value;
      }
      case 'i64':
        return this.#zigzag();
      case 'binary':
        return this.#binary();
      case 'text':
        return strictUtf8.decode(this.#binary());
    }
  }

  #skip(kind: number, depth: number): void {
    if (depth > maxDepth) throw new RangeError('metadata is nested too deeply');
    switch (kind) {
      case Kind.True:
      case Kind.False:
        return;
      case Kind.Byte:
        this.#take(1);
        return;
      case Kind.I16:
      case Kind.I32:
      case Kind.I64:
        this.#skipVarint();
        return;
      case Kind.Double:
        this.#take(8);
        return;
      case Kind.Binary:
        this.#binary();
        return;
      case Kind.List:
      case Kind.Set: {
        const { count, kind: item } = this.#listHead();
        // In a list, each bool has a byte.
        for (let i = 0; i < count; i++) {
          if (item === Kind.True || item === Kind.False) this.#take(1);
          else this.#skip(item, depth + 1);
        }
        return;
      }
      case Kind.Struct:
        this.struct(nothing, depth + 1);
        return;
      default:
        throw wrongType();
    }
  }

  #listHead(): { count: number; kind: number } {
    const head = this.#byte();
    const count = head >> 4 === 15 ? this.#varint() : head >> 4;
    // Every element takes a byte at least.
    if (count > this.#bytes.length - this.position) throw new RangeError('metadata ends too early');
    return { count, kind: head & 15 };
  }

  #binary(): Uint8Array {
    const length = this.#varint();
    return this.#take(length);
  }

  #take(length: number): Uint8Array {
    const from = this.position;
    if (length > this.#bytes.length - from) throw new RangeError('metadata ends too early');
    this.position = from + length;
    return this.#bytes.subarray(from, from + length);
  }

  #zigzag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Up to 2^53: nothing that is looked at can be larger. */
  #varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (value > Number.MAX_SAFE_INTEGER || scale > 2 ** 63)
        throw new RangeError('metadata holds a number beyond 2^53');
      if (byte < 128) return value;
    }
  }

  #skipVarint(): void {
    for (let i = 0; this.#byte() >= 128; i++)
      if (i > 9) throw new RangeError('metadata holds a number without end');
  }

  #byte(): number {
    if (this.position >= this.#bytes.length) throw new RangeError('metadata ends too early');
    return this.#bytes[this.position++]!;
  }
}

function wrongType(): RangeError {
  return new RangeError('metadata holds a field of another type than the format says');
}
