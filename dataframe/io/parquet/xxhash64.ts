const prime1 = 0x9e3779b185ebca87n;
const prime2 = 0xc2b2ae3d27d4eb4fn;
const prime3 = 0x165667b19e3779f9n;
const prime4 = 0x85ebca77c2b2ae63n;
const prime5 = 0x27d4eb2f165667c5n;

const word = (x: bigint) => BigInt.asUintN(64, x);
const turn = (x: bigint, by: bigint) => word((x << by) | (x >> (64n - by)));
const round = (lane: bigint, input: bigint) => word(turn(word(lane + input * prime2), 31n) * prime1);
const merge = (hash: bigint, lane: bigint) => word((hash ^ round(0n, lane)) * prime1 + prime4);

/** xxHash64 with seed 0, of the few values that a filter names: Bloom filters of Parquet are over it. */
export function xxHash64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  let p = 0;
  let hash = prime5;
  if (length >= 32) {
    const lanes = [word(prime1 + prime2), prime2, 0n, word(-prime1)];
    for (; p + 32 <= length; p += 32)
      for (let k = 0; k < 4; k++) lanes[k] = round(lanes[k]!, view.getBigUint64(p + 8 * k, true));
    hash = word(turn(lanes[0]!, 1n) + turn(lanes[1]!, 7n) + turn(lanes[2]!, 12n) + turn(lanes[3]!, 18n));
    for (const lane of lanes) hash = merge(hash, lane);
  }
  hash = word(hash + BigInt(length));
  for (; p + 8 <= length; p += 8)
    hash = word(turn(hash ^ round(0n, view.getBigUint64(p, true)), 27n) * prime1 + prime4);
  for (; p + 4 <= length; p += 4)
    hash = word(turn(hash ^ word(BigInt(view.getUint32(p, true)) * prime1), 23n) * prime2 + prime3);
  for (; p < length; p++) hash = word(turn(hash ^ word(BigInt(bytes[p]!) * prime5), 11n) * prime1);
  hash = word((hash ^ (hash >> 33n)) * prime2);
  hash = word((hash ^ (hash >> 29n)) * prime3);
  return hash ^ (hash >> 32n);
}
