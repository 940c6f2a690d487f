/**
 * xxHash64 (Collet) with seed 0: Bloom filters of Parquet are over it. In halves of 32 bits: with BigInts a value takes
 * five times as long. The hash is in `high` and `low` until the next one.
 */
export class XxHash64 {
  /** Unsigned. */
  high = 0;
  low = 0;
  readonly #lanes = new Int32Array(8);

  hash(bytes: Uint8Array, from: number, to: number): void {
    const length = to - from;
    let p = from;
    this.#set(0x27d4eb2f, 0x165667c5);
    if (length >= 32) p = this.#stripes(bytes, from, to);
    this.#add(0, length);
    for (; p + 8 <= to; p += 8) {
      const { high, low } = this;
      this.#set(wordAt(bytes, p + 4), wordAt(bytes, p));
      this.#times(0xc2b2ae3d, 0x27d4eb4f);
      this.#turn(31);
      this.#times(0x9e3779b1, 0x85ebca87);
      this.#set(this.high ^ high, this.low ^ low);
      this.#turn(27);
      this.#times(0x9e3779b1, 0x85ebca87);
      this.#add(0x85ebca77, 0xc2b2ae63);
    }
    for (; p + 4 <= to; p += 4) {
      const { high, low } = this;
      this.#set(0, wordAt(bytes, p));
      this.#times(0x9e3779b1, 0x85ebca87);
      this.#set(this.high ^ high, this.low ^ low);
      this.#turn(23);
      this.#times(0xc2b2ae3d, 0x27d4eb4f);
      this.#add(0x165667b1, 0x9e3779f9);
    }
    for (; p < to; p++) {
      const { high, low } = this;
      this.#set(0, bytes[p]!);
      this.#times(0x27d4eb2f, 0x165667c5);
      this.#set(this.high ^ high, this.low ^ low);
      this.#turn(11);
      this.#times(0x9e3779b1, 0x85ebca87);
    }
    this.#set(this.high, this.low ^ (this.high >>> 1));
    this.#times(0xc2b2ae3d, 0x27d4eb4f);
    this.#set(this.high ^ (this.high >>> 29), this.low ^ ((this.low >>> 29) | (this.high << 3)));
    this.#times(0x165667b1, 0x9e3779f9);
    this.high >>>= 0;
    this.low = (this.low ^ this.high) >>> 0;
  }

  /** Four lanes over whole stripes of 32 bytes. @returns where the rest begins */
  #stripes(bytes: Uint8Array, from: number, to: number): number {
    const lanes = this.#lanes;
    lanes.set([0x60ea27ee, 0xadc0b5d6, 0xc2b2ae3d, 0x27d4eb4f, 0, 0, 0x61c8864e, 0x7a143579]);
    let p = from;
    for (; p + 32 <= to; p += 32) {
      for (let k = 0; k < 8; k += 2) {
        this.#set(wordAt(bytes, p + 4 * k + 4), wordAt(bytes, p + 4 * k));
        this.#round(lanes[k]!, lanes[k + 1]!);
        lanes[k] = this.high;
        lanes[k + 1] = this.low;
      }
    }
    let high = 0;
    let low = 0;
    for (const [k, by] of [1, 7, 12, 18].entries()) {
      this.#set(lanes[2 * k]!, lanes[2 * k + 1]!);
      this.#turn(by);
      this.#add(high, low);
      ({ high, low } = this);
    }
    for (let k = 0; k < 8; k += 2) {
      this.#set(lanes[k]!, lanes[k + 1]!);
      this.#round(0, 0);
      this.#set(this.high ^ high, this.low ^ low);
      this.#times(0x9e3779b1, 0x85ebca87);
      this.#add(0x85ebca77, 0xc2b2ae63);
      ({ high, low } = this);
    }
    return p;
  }

  /** The state is the input of a lane; it is what the lane becomes. */
  #round(laneHigh: number, laneLow: number): void {
    this.#times(0xc2b2ae3d, 0x27d4eb4f);
    this.#add(laneHigh, laneLow);
    this.#turn(31);
    this.#times(0x9e3779b1, 0x85ebca87);
  }

  #set(high: number, low: number): void {
    this.high = high | 0;
    this.low = low | 0;
  }

  #add(high: number, low: number): void {
    const sum = (this.low + low) | 0;
    this.#set(this.high + high + (sum >>> 0 < low >>> 0 ? 1 : 0), sum);
  }

  #turn(by: number): void {
    const { high, low } = this;
    this.#set((high << by) | (low >>> (32 - by)), (low << by) | (high >>> (32 - by)));
  }

  /** Products of 16 bits by 16: what is beyond 64 bits falls away. */
  #times(high: number, low: number): void {
    const a0 = this.low & 0xffff;
    const a1 = this.low >>> 16;
    const b0 = low & 0xffff;
    const b1 = low >>> 16;
    const p = Math.imul(a0, b0);
    const q = (Math.imul(a1, b0) + (p >>> 16)) | 0;
    const r = (Math.imul(a0, b1) + (q & 0xffff)) | 0;
    const carry = (Math.imul(a1, b1) + (q >>> 16) + (r >>> 16)) | 0;
    this.#set(carry + Math.imul(this.high, low) + Math.imul(this.low, high), (r << 16) | (p & 0xffff));
  }
}

function wordAt(bytes: Uint8Array, p: number): number {
  return bytes[p]! | (bytes[p + 1]! << 8) | (bytes[p + 2]! << 16) | (bytes[p + 3]! << 24);
}
