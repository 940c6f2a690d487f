const prime1 = 0x9e3779b1;
const prime2 = 0x85ebca77;
const prime3 = 0xc2b2ae3d;
const prime4 = 0x27d4eb2f;
const prime5 = 0x165667b1;

const turn = (x: number, by: number) => (x << by) | (x >>> (32 - by));

/** xxHash32 with seed 0, as an unsigned number: what LZ4 frames are checked with. */
export function xxHash32(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  let p = 0;
  let hash = prime5;
  if (length >= 16) {
    let a = (prime1 + prime2) | 0;
    let b = prime2 | 0;
    let c = 0;
    let d = -prime1 | 0;
    for (; p + 16 <= length; p += 16) {
      a = round(a, view.getInt32(p, true));
      b = round(b, view.getInt32(p + 4, true));
      c = round(c, view.getInt32(p + 8, true));
      d = round(d, view.getInt32(p + 12, true));
    }
    hash = turn(a, 1) + turn(b, 7) + turn(c, 12) + turn(d, 18);
  }
  hash = (hash + length) | 0;
  for (; p + 4 <= length; p += 4) {
    hash = Math.imul(turn((hash + Math.imul(view.getInt32(p, true), prime3)) | 0, 17), prime4);
  }
  for (; p < length; p++) hash = Math.imul(turn((hash + Math.imul(bytes[p]!, prime5)) | 0, 11), prime1);
  hash = Math.imul(hash ^ (hash >>> 15), prime2);
  hash = Math.imul(hash ^ (hash >>> 13), prime3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function round(lane: number, word: number): number {
  return Math.imul(turn((lane + Math.imul(word, prime2)) | 0, 13), prime1);
}
