import { damagedData } from './distribution.js';

/** Of a frame, or of one that is to be skipped: then it ends where that does. */
export interface FrameHead {
  readonly skipped: boolean;
  /** Bytes that it unpacks to; null: it does not tell. */
  readonly size: number | null;
  readonly hasChecksum: boolean;
  /** Where its blocks begin. */
  readonly end: number;
}

const magic = 0xfd2f_b528;
/** The lowest four bits are anything. */
const skippedMagic = 0x184d_2a50;
const sizeBytesOf = [0, 2, 4, 8] as const;
const dictionaryBytesOf = [0, 1, 2, 4] as const;

/**
 * RFC 8878, 3.1.1.1 and 3.1.2.
 * @throws RangeError where there is none, or one that needs a dictionary
 */
export function readFrameHead(input: Uint8Array, from: number): FrameHead {
  const number = (at: number, bytes: number) => {
    if (at + bytes > input.length) throw new RangeError('zstd data ends too early');
    let value = 0;
    for (let i = bytes - 1; i >= 0; i--) value = value * 256 + input[at + i]!;
    return value;
  };
  const first = from + 4 <= input.length ? number(from, 4) : 0;
  if (first - (first % 16) === skippedMagic) {
    const end = from + 8 + number(from + 4, 4);
    if (end > input.length) throw damagedData();
    return { skipped: true, size: null, hasChecksum: false, end };
  }
  if (first !== magic) throw new RangeError('no zstd data');
  const descriptor = number(from + 4, 1);
  const isSingle = (descriptor & 32) !== 0;
  const hasChecksum = (descriptor & 4) !== 0;
  // A bit that must be 0.
  if ((descriptor & 8) !== 0) throw damagedData();
  const dictionaryAt = from + (isSingle ? 5 : 6);
  const dictionaryBytes = dictionaryBytesOf[(descriptor & 3) as 0 | 1 | 2 | 3];
  if (number(dictionaryAt, dictionaryBytes) !== 0) throw new RangeError('zstd data asks for a dictionary');
  const sizeAt = dictionaryAt + dictionaryBytes;
  const sizeForm = (descriptor >> 6) as 0 | 1 | 2 | 3;
  const sizeBytes = sizeForm === 0 && isSingle ? 1 : sizeBytesOf[sizeForm];
  const size = sizeBytes === 0 ? null : number(sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  const end = sizeAt + sizeBytes;
  if (end > input.length) throw damagedData();
  return { skipped: false, size, hasChecksum, end };
}
