import { VolleyError } from '../../../core/base/errors.js';
import type { ColumnBuilder } from '../../column/builder.js';
import { DataType } from '../../column/datatype.js';
import type { ListBuilder } from '../../column/nested-builder.js';
import { quoted } from './relation.js';

/** Appends the value in bytes [from, to), in PostgreSQL's binary form. */
export type Decode = (
  view: DataView,
  bytes: Uint8Array,
  from: number,
  to: number,
  into: ColumnBuilder,
) => void;

export interface PostgresType {
  readonly type: DataType;
  /** What the server turns the column into first: what has no type here, or is cheaper to convert there. */
  readonly cast: string | null;
  readonly decode: Decode;
}

/** Days and microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL counts from. */
const epochDays = 10_957;
const epochMicros = epochDays * 86_400e6;

const decodeText: Decode = (_view, bytes, from, to, into) => into.appendBytes(bytes, from, to);
const decodeInt64: Decode = (view, _bytes, from, _to, into) =>
  into.appendInt64(view.getInt32(from + 4), view.getInt32(from));

const decodeDate: Decode = (view, _bytes, from, _to, into) => {
  const days = view.getInt32(from);
  if (days === 2 ** 31 - 1 || days === -(2 ** 31)) throw infinite('date');
  into.appendNumber(days + epochDays);
};

const decodeTimestamp: Decode = (view, _bytes, from, _to, into) => {
  const high = view.getInt32(from);
  const low = view.getUint32(from + 4);
  if ((high === 2 ** 31 - 1 && low === 2 ** 32 - 1) || (high === -(2 ** 31) && low === 0))
    throw infinite('timestamp');
  const micros = high * 2 ** 32 + low;
  if (Number.isSafeInteger(micros) && Number.isSafeInteger(micros + epochMicros)) {
    into.appendNumber(micros + epochMicros);
    return;
  }
  const exact = view.getBigInt64(from) + BigInt(epochMicros);
  into.appendInt64(Number(BigInt.asIntN(32, exact)), Number(BigInt.asIntN(32, exact >> 32n)));
};

function infinite(kind: string): VolleyError {
  return new VolleyError(
    'BAD_DATA',
    `an infinite ${kind} has no value here: query nullif(column, 'infinity'), or column::text`,
  );
}

const uuidText = new Uint8Array(36);
const hexDigits = Buffer.from('0123456789abcdef');
const decodeUuid: Decode = (_view, bytes, from, _to, into) => {
  for (let i = 0, o = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) uuidText[o++] = 45;
    uuidText[o++] = hexDigits[bytes[from + i]! >> 4]!;
    uuidText[o++] = hexDigits[bytes[from + i]! & 15]!;
  }
  into.appendBytes(uuidText, 0, 36);
};

const plain = (type: DataType, decode: Decode, cast: string | null = null): PostgresType => ({
  type,
  cast,
  decode,
});
const float64 = plain(DataType.Float64, (view, _b, from, _to, into) =>
  into.appendNumber(view.getFloat64(from)),
);
const text = plain(DataType.Utf8, decodeText);

/** By the type's name in pg_type. Others are read as their text. */
const scalars: Readonly<Record<string, PostgresType>> = {
  bool: plain(DataType.Bool, (_view, bytes, from, _to, into) => into.appendBool(bytes[from] === 1)),
  int2: plain(DataType.Int16, (view, _b, from, _to, into) => into.appendNumber(view.getInt16(from))),
  int4: plain(DataType.Int32, (view, _b, from, _to, into) => into.appendNumber(view.getInt32(from))),
  int8: plain(DataType.Int64, decodeInt64),
  oid: plain(DataType.UInt32, (view, _b, from, _to, into) => into.appendNumber(view.getUint32(from))),
  float4: plain(DataType.Float32, (view, _b, from, _to, into) => into.appendNumber(view.getFloat32(from))),
  float8: float64,
  // The server rounds correctly, and as fast as it can send.
  numeric: { ...float64, cast: 'float8' },
  text,
  varchar: text,
  bpchar: text,
  name: text,
  json: text,
  bytea: plain(DataType.Binary, decodeText),
  date: plain(DataType.Date, decodeDate),
  timestamp: plain(DataType.Timestamp('us'), decodeTimestamp),
  timestamptz: plain(DataType.Timestamp('us', 'UTC'), decodeTimestamp),
  uuid: plain(DataType.Utf8, decodeUuid),
};

/** The type of that name; arrays have names that begin with an underscore. */
export function postgresType(name: string): PostgresType {
  if (Object.hasOwn(scalars, name)) return scalars[name]!;
  if (!name.startsWith('_')) return { ...text, cast: 'text' };
  const item = postgresType(name.slice(1));
  const cast = item.cast === null ? null : `${item.cast}[]`;
  return { type: DataType.List(item.type), cast, decode: decodeList(item.decode) };
}

/** Dimensions, flags, item type; then length and first index of the dimension; then the items. */
function decodeList(decode: Decode): Decode {
  return (view, bytes, from, _to, into) => {
    const list = into as ListBuilder;
    const dimensions = view.getInt32(from);
    if (dimensions > 1) {
      throw new VolleyError(
        'UNSUPPORTED',
        `an array of ${dimensions} dimensions: query unnest(column) or column::text`,
      );
    }
    let at = from + 20;
    for (let left = dimensions === 0 ? 0 : view.getInt32(from + 12); left > 0; left--) {
      const length = view.getInt32(at);
      at += 4;
      if (length < 0) {
        list.items.appendNull();
        continue;
      }
      decode(view, bytes, at, at + length, list.items);
      at += length;
    }
    list.appendList();
  };
}

/** The column as the server is asked for it. */
export function selected(name: string, { cast }: PostgresType): string {
  return cast === null ? quoted(name) : `${quoted(name)}::${cast} as ${quoted(name)}`;
}
