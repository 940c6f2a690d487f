/** Runs of both kinds that stand for `count` fields of so many bits, and sometimes for more. */
export function runs(random: () => number, width: number, count: number, below: number): Uint8Array {
  const bytes: number[] = [];
  const header = (value: number) => {
    let rest = value;
    for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
    bytes.push(rest);
  };
  for (let left = count; left > 0; ) {
    const value = () => Math.floor(random() * below);
    if (random() < 0.4) {
      const length = 1 + Math.floor(random() * 300);
      header(length * 2);
      const repeated = value();
      for (let k = 0; k < (width + 7) >> 3; k++) bytes.push((repeated >>> (8 * k)) & 255);
      left -= length;
    } else {
      const groups = 1 + Math.floor(random() * 80);
      header(groups * 2 + 1);
      const bits = Array.from({ length: groups * 8 }, value).flatMap(field =>
        Array.from({ length: width }, (_, b) => (field >>> b) & 1),
      );
      for (let b = 0; b < bits.length; b += 8)
        bytes.push(bits.slice(b, b + 8).reduce((byte, bit, k) => byte | (bit << k), 0));
      left -= groups * 8;
    }
  }
  return Uint8Array.from(bytes);
}
