/**
 * Arithmetic on unevaluated sums high + low of two floats, |low| at most half a unit in the last place of high: about
 * 106 bits (Dekker 1971, Knuth's TwoSum). Functions return the high part and leave the low part in `low.part`: no
 * allocation per call. What overflows or is not finite gives a high part that is not finite.
 */
export const low = { part: 0 };

/** (ah + al) + (bh + bl) */
export function addDouble(ah: number, al: number, bh: number, bl: number): number {
  const s = ah + bh;
  const z = s - ah;
  const e = ah - (s - z) + (bh - z) + al + bl;
  return normalized(s, e);
}

/** (ah + al) · (bh + bl) */
export function multiplyDouble(ah: number, al: number, bh: number, bl: number): number {
  const p = ah * bh;
  const e = productError(ah, bh, p) + (ah * bl + al * bh);
  return normalized(p, e);
}

/** (ah + al) / b */
export function divideDouble(ah: number, al: number, b: number): number {
  const q = ah / b;
  const p = q * b;
  const r = ah - p - productError(q, b, p) + al;
  return normalized(q, r / b);
}

function normalized(high: number, rest: number): number {
  const s = high + rest;
  low.part = high - s + rest;
  return s;
}

/** a · b − p, exactly, for p = a · b rounded. */
function productError(a: number, b: number, p: number): number {
  const c = 134217729 * a;
  const ah = c - (c - a);
  const al = a - ah;
  const d = 134217729 * b;
  const bh = d - (d - b);
  const bl = b - bh;
  return ah * bh - p + ah * bl + al * bh + al * bl;
}

/** Text of generated code that adds `x` (and the small `rest`) to the sum in s[at], s[at + 1]: Knuth's TwoSum. */
export function addText(at: string, x: string, rest: string): string {
  return `{const a=s[${at}],t=a+${x},z=t-a;s[${at}+1]+=(a-(t-z))+(${x}-z)+${rest};s[${at}]=t;}`;
}

/** Text that sets `d` and `e` to x − p and its rounding error. */
export function differenceText(d: string, e: string, x: string, p: string): string {
  return `const ${d}=${x}-${p},t${d}=${d}-${x},${e}=(${x}-(${d}-t${d}))-(${p}+t${d});`;
}

/** Text that splits `d` into halves of 26 bits: `${d}h` and `${d}l`. */
export function splitText(d: string): string {
  return `const ${d}c=134217729*${d},${d}h=${d}c-(${d}c-${d}),${d}l=${d}-${d}h;`;
}

/** Text that sets `q` and `f` to the product of a and b (split before) and its rounding error. */
export function productText(q: string, f: string, a: string, b: string): string {
  return `const ${q}=${a}*${b},${f}=((${a}h*${b}h-${q})+(${a}h*${b}l+${a}l*${b}h))+${a}l*${b}l;`;
}

/** Text of addDouble: declares `n` and `nl`. What a text gets may be looked at several times: names and numbers. */
export function sumOfText(n: string, [ah, al]: Double, [bh, bl]: Double): string {
  return `const ${n}s=${ah}+${bh},${n}z=${n}s-${ah},${n}e=${ah}-(${n}s-${n}z)+(${bh}-${n}z)+${al}+${bl};${normalizedText(n, `${n}s`, `${n}e`)}`;
}

/** Text of multiplyDouble. */
export function productOfText(n: string, [ah, al]: Double, [bh, bl]: Double): string {
  return `const ${n}p=${ah}*${bh};${errorText(n, ah, bh)}const ${n}e=${n}x+(${ah}*${bl}+${al}*${bh});${normalizedText(n, `${n}p`, `${n}e`)}`;
}

/** Text of divideDouble. */
export function quotientOfText(n: string, [ah, al]: Double, b: string): string {
  return `const ${n}q=${ah}/${b},${n}p=${n}q*${b};${errorText(n, `${n}q`, b)}const ${n}e=(${ah}-${n}p-${n}x+${al})/${b};${normalizedText(n, `${n}q`, `${n}e`)}`;
}

/** Names of the high and the low part. */
type Double = readonly [string, string];

function normalizedText(n: string, high: string, rest: string): string {
  return `const ${n}=${high}+${rest},${n}l=${high}-${n}+${rest};`;
}

/** Sets `nx` to a · b − np, as productError. */
function errorText(n: string, a: string, b: string): string {
  return `const ${n}c=134217729*${a},${n}ah=${n}c-(${n}c-${a}),${n}al=${a}-${n}ah,${n}d=134217729*${b},${n}bh=${n}d-(${n}d-${b}),${n}bl=${b}-${n}bh,${n}x=${n}ah*${n}bh-${n}p+${n}ah*${n}bl+${n}al*${n}bh+${n}al*${n}bl;`;
}
