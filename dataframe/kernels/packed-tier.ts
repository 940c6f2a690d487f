import type { Column } from '../column/column.js';
import { copyInto } from '../column/copy-bytes.js';
import type { DataType } from '../column/datatype.js';
import { DigitTier } from './digit-tier.js';
import type { Binder } from './fused-text.js';
import type { KeyDomain } from './key-domain.js';
import type { KeyTier } from './key-tiers.js';
import type { Lent } from './lent.js';
import { fill, giveInts, takeInts } from './scratch.js';
import { unfilledColumn } from './unfilled.js';

const firstCapacity = 1024;
/** A table that is half full takes twice as long as one that is a quarter full: it cannot be foretold which slots are taken. */
const slotsPerGroup = 4;
/** Numbers of so few groups take two bytes in a slot, which keeps their table in the cache; the number above them is that of none. */
const noSmall = 65_535;

export interface Field {
  readonly word: 0 | 1;
  readonly shift: number;
  readonly mask: number;
}

/** Digits packed into one or two 32-bit words, in an open-addressing table. */
export class PackedTier extends DigitTier implements KeyTier {
  readonly kind = 'packed';
  readonly births = true;
  /** A power of two; see capacity. */
  #room: number;
  #fields: readonly Field[] | null = null;
  #words: 1 | 2 = 1;
  readonly #lent: Lent;
  /** The only key is a 64-bit integer in two words: they are taken as they are. */
  #raw = false;
  /** Group of each slot, or `#none`; `slotsPerGroup` times as many as groups fit. */
  #slots: Int32Array | Uint16Array = new Int32Array(0);
  #none = -1;
  /** Where the slots lie. */
  #lentSlots: Int32Array = new Int32Array(0);
  /** Words of each group, one group after another. */
  #packed: Int32Array = new Int32Array(0);

  /** `expected`: groups that there will be about; less is made up for as they come. */
  constructor(
    types: readonly DataType[],
    known: readonly Column[] | null,
    expected: number,
    lent: Lent,
    shared?: readonly KeyDomain[] | null,
  ) {
    super(types, known, shared);
    this.#lent = lent;
    this.#room = 2 ** Math.ceil(Math.log2(Math.max(firstCapacity, expected)));
  }

  get capacity(): number {
    return this.#room > noSmall + 1 ? this.#room : Math.min(this.#room, noSmall);
  }

  get places(): number {
    return this.capacity;
  }

  admit(keys: readonly Column[], rows: number): boolean {
    const raw = keys.length === 1 && keys[0]!.physical === 'i64' && keys[0]!.validity === null;
    if (this.#fields !== null && raw !== this.#raw) return false;
    if (raw) {
      if (this.filled) return false;
      this.keys = keys;
      if (this.#fields !== null) return true;
      this.#raw = true;
      this.#words = 2;
      this.#fields = [];
    } else {
      const same = this.admitKeys(keys);
      if (same === null) return false;
      if (this.#fields !== null) return same;
      this.#fields = packFields(this.domains.map(domain => domain.size));
      if (this.#fields === null) return false;
      this.keepSpans();
      this.#words = this.#fields.some(field => field.word === 1) ? 2 : 1;
    }
    while (this.#room * 4 < rows) this.#room *= 2;
    this.#allocate();
    return true;
  }

  text(binder: Binder, birth = ''): string {
    const words = ['', ''];
    if (this.#raw) {
      const { values } = this.keys[0]!;
      const pair = binder.bind(values);
      words[0] = `${pair}[2*i]`;
      words[1] = `${pair}[2*i+1]`;
    } else
      this.digitTexts(binder).forEach((digit, k) => {
        const { word, shift } = this.#fields![k]!;
        const term = shift === 0 ? digit : `(${digit}<<${binder.bind(shift)})`;
        words[word] += words[word] === '' ? term : `|${term}`;
      });
    const w = this.#words;
    const small = this.#none === noSmall;
    const slots = binder.bind(this.#slots, small ? 'u16' : '');
    const isFree = small ? `g===${noSmall}` : 'g<0';
    const packed = binder.bind(this.#packed);
    const last = binder.bind(this.#slots.length - 1);
    const high = w === 2 ? `const a1=${words[1]};` : '';
    const store = w === 2 ? `${packed}[2*g]=a0;${packed}[2*g+1]=a1;` : `${packed}[g]=a0;`;
    const equal = w === 2 ? `${packed}[2*g]===a0&&${packed}[2*g+1]===a1` : `${packed}[g]===a0`;
    return `const a0=${words[0]};${high}${hashText(w)}let s=h&${last},g=0;
for(;;){g=${slots}[s];if(${isFree}){if(n===limit){S[0]=n;return i;}g=n++;${slots}[s]=g;${store}${birth}break;}if(${equal})break;s=(s+1)&${last};}`;
  }

  grow(): void {
    this.#room *= 2;
    this.#allocate();
  }

  settle(): void {
    giveInts(this.#lentSlots);
    this.#lentSlots = new Int32Array(0);
    this.#slots = this.#lentSlots;
  }

  order(): null {
    return null;
  }

  keyColumns(): Column[] {
    const rows = this.state[0]!;
    const w = this.#words;
    const packed = this.#packed;
    if (this.#raw) {
      const { type } = this.domains[0]!;
      const column = {
        type,
        physical: 'i64',
        length: rows,
        nullCount: 0,
        validity: null,
        dictionary: null,
      } as const;
      return [unfilledColumn(column, values => copyInto(values, 0, packed.subarray(0, 2 * rows)))];
    }
    return this.domains.map((domain, k) => {
      const { word, shift, mask } = this.#fields![k]!;
      const digit = (binder: Binder) =>
        `(${binder.bind(packed)}[${w === 1 ? 'i' : word === 0 ? '2*i' : '2*i+1'}]>>>${binder.bind(shift)}&${binder.bind(mask)})`;
      return domain.decode(digit, rows, this.spans![k]!);
    });
  }

  /** Room for `capacity` groups; those that are there stay. */
  #allocate(): void {
    const w = this.#words;
    const groups = this.state[0]!;
    const packed = this.#lent.ints(this.#room * w, false);
    packed.set(this.#packed.subarray(0, groups * w));
    giveInts(this.#lentSlots);
    const small = this.#room <= noSmall + 1;
    const count = this.#room * slotsPerGroup;
    this.#lentSlots = takeInts(small ? count / 2 : count, false);
    const { buffer, byteOffset } = this.#lentSlots;
    const slots = small ? new Uint16Array(buffer, byteOffset, count) : this.#lentSlots;
    this.#none = small ? noSmall : -1;
    fill(this.#lentSlots, 255);
    const mask = slots.length - 1;
    for (let g = 0; g < groups; g++) {
      let h = Math.imul(packed[w * g]!, 0x9e3779b1);
      if (w === 2) h = Math.imul(h ^ (h >>> 15) ^ packed[w * g + 1]!, 0x85ebca6b);
      let s = (h ^ (h >>> 14)) & mask;
      while (slots[s] !== this.#none) s = (s + 1) & mask;
      slots[s] = g;
    }
    this.#packed = packed;
    this.#slots = slots;
  }
}

/** As #allocate hashes. */
function hashText(words: 1 | 2): string {
  const second = words === 2 ? 'h=Math.imul(h^(h>>>15)^a1,0x85ebca6b);' : '';
  return `let h=Math.imul(a0,0x9e3779b1);${second}h^=h>>>14;`;
}

/** Fields of digits (and the one for null) in two words, in key order where it fits; null when they do not fit. */
export function packFields(sizes: readonly number[]): Field[] | null {
  const used: [number, number] = [0, 0];
  const fields: Field[] = [];
  for (const size of sizes) {
    const bits = 32 - Math.clz32(size);
    const word = used[0] + bits <= 32 ? 0 : 1;
    if (used[word] + bits > 32) return null;
    fields.push({ word, shift: used[word], mask: bits === 32 ? -1 : (1 << bits) - 1 });
    used[word] += bits;
  }
  return fields;
}
