/** @throws RangeError when a page has no such bytes */
export function requireBytes(page: Uint8Array, from: number, length: number): void {
  if (length < 0 || from + length > page.length) {
    throw new RangeError(`a page of ${page.length} bytes ends before its values`);
  }
}

export function viewOf(page: Uint8Array): DataView {
  return new DataView(page.buffer, page.byteOffset, page.byteLength);
}
