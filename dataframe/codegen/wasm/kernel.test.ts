import { afterAll, expect, test } from 'vitest';
import { limits } from '../../../core/base/limits.js';
import { seededRng } from '../../../core/base/rng.js';
import type { Values } from '../../column/column.js';
import { workInKernelMemory } from '../../testing/kernel-memory.js';
import { testSeed } from '../../testing/random-batch.js';
import { countInstances } from '../../testing/wasm-instances.js';
import { compile } from '../compile.js';
import { compileRows } from './kernel.js';
import { hasVectors } from './vectors.js';

const seed = testSeed();
const rows = 20_003;
const slabBytes = 16 * 1024 * 1024;
const scratchBytes = 8 * 1024 * 1024;
const slabs = workInKernelMemory(scratchBytes, slabBytes, 2);

const instances = countInstances();

afterAll(() => instances.stop());

type Kernel = (...args: readonly unknown[]) => unknown;

/** Runs a text as JavaScript and as WebAssembly over equal arguments, and wants equal results and equal arrays, bit for bit. */
function sameInBothForms(
  parameters: readonly string[],
  body: string,
  args: () => unknown[],
  translated = true,
): void {
  const plain = compile<Kernel>(parameters, body);
  const [expected, given] = [args(), args()];
  const before = instances.made;
  const kernel = compileRows<Kernel>(`${parameters} ${body}`, parameters, () => body, rows);
  const answer = kernel(...given);
  expect(instances.made - before, body).toBe(translated ? 1 : 0);
  expect(answer, body).toEqual(plain(...expected));
  const flat = (list: readonly unknown[]): unknown[] =>
    list.flatMap(each => (Array.isArray(each) ? each : [each]));
  flat(given).forEach((value, k) => {
    if (!ArrayBuffer.isView(value)) return;
    const bytes = (array: unknown) => {
      // Which of its bits a NaN has is left open by both languages.
      const { buffer } = (array as Values).map(each => (Number.isNaN(each) ? Number.NaN : each));
      return Buffer.from(buffer);
    };
    expect(bytes(value).equals(bytes(flat(expected)[k])), `argument ${k} of ${body}`).toBe(true);
  });
}

const strange = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -0,
  0,
  2 ** 53,
  -1e300,
  5e-324,
];

function doubles(random: () => number, length = rows): Float64Array {
  return Float64Array.from({ length }, () =>
    random() < 0.1 ? strange[Math.floor(random() * strange.length)]! : (random() - 0.5) * 1e6,
  );
}

function ints(random: () => number, bound: number, length = rows): Int32Array {
  return Int32Array.from({ length }, () => Math.floor(random() * bound));
}

test('arithmetic, comparisons and conversions mean what they mean in JavaScript', () => {
  const random = seededRng(seed);
  const wild = Int32Array.from({ length: rows }, () => (random() * 2 ** 32) | 0);
  const [a, b] = [doubles(random), doubles(random)];
  const float32 = Float32Array.from(a);
  const args = (out: Values) => () => [[wild, wild.slice().reverse(), a, b, float32], out.slice(), 0, rows];
  const head = 'const x=P[0],y=P[1],a=P[2],b=P[3],f=P[4];for(let i=from;i<rows;i++){';
  const numbers = [
    ...[
      'a[i]+b[i]',
      'a[i]-b[i]',
      'a[i]*b[i]',
      'a[i]/b[i]',
      '-a[i]',
      '+x[i]',
      'x[i]*y[i]',
      'x[i]+y[i]',
      'x[i]-y[i]',
    ],
    ...[
      'a[i]<b[i]?1:x[i]',
      'x[i]<=y[i]?a[i]:-1',
      'a[i]!==a[i]?7:a[i]',
      '(a[i]>b[i]||x[i]>=y[i])&&!(x[i]===y[i])?1:0',
    ],
    ...[
      'Math.max(a[i],b[i])',
      'Math.min(a[i],x[i])',
      'Math.floor(a[i])',
      'Math.ceil(a[i])',
      'Math.trunc(a[i])',
    ],
    ...[
      'Math.abs(a[i])',
      'Math.sqrt(a[i])',
      'x[i]>>>0',
      'x[i]%7|0',
      '(x[i]>>>0)*4294967296+(y[i]>>>0)',
      'f[i]*2',
      'Infinity',
      'NaN',
    ],
    '(a[i]<b[i])|0',
    'Math.abs((a[i]<b[i]||!(x[i]<3))|0)',
  ];
  for (const text of numbers)
    sameInBothForms(
      ['P', 'o', 'from', 'rows'],
      `${head}o[i]=${text};}return rows;`,
      args(new Float64Array(rows)),
    );
  const integers = [
    ...[
      'x[i]|y[i]',
      'x[i]&y[i]',
      'x[i]^y[i]',
      '~x[i]',
      'x[i]<<3',
      'x[i]>>5',
      'x[i]>>>5',
      'x[i]+y[i]|0',
      'x[i]-y[i]-y[i]|0',
    ],
    ...[
      'Math.imul(x[i],y[i])',
      'Math.imul(x[i],0x9e3779b1)',
      'Math.clz32(x[i])',
      'x[i]>y[i]?x[i]:y[i]',
      '(x[i]*0.37)|0',
      '-1',
    ],
  ];
  for (const text of integers)
    sameInBothForms(
      ['P', 'o', 'from', 'rows'],
      `${head}o[i]=${text};}return rows;`,
      args(new Int32Array(rows)),
    );
  for (const out of [
    new Int8Array(rows),
    new Uint8Array(rows),
    new Int16Array(rows),
    new Uint16Array(rows),
    new Uint32Array(rows),
  ])
    sameInBothForms(['P', 'o', 'from', 'rows'], `/*${out.constructor.name}*/${head}o[i]=x[i];}`, args(out));
  sameInBothForms(['P', 'o', 'from', 'rows'], `${head}o[i]=a[i]*3;}`, args(new Float32Array(rows)));
});

test('loops, branches, counters, bitmaps, pairs and tables', () => {
  const random = seededRng(seed + 1);
  const codes = ints(random, 1000);
  const bits = Uint8Array.from({ length: (rows + 7) >> 3 }, () => random() * 256);
  const pairs = ints(random, 2 ** 31, 2 * rows);
  const values = doubles(random);
  const small = Int8Array.from({ length: rows }, () => random() * 256 - 128);
  const bound = [codes, bits, pairs, values, small];
  const head = 'const c=P[0],v=P[1],p=P[2],a=P[3],s=P[4];';
  for (const text of [
    'for(let i=from;i<rows;i++){if(((v[i>>3]>>(i&7))&1)===0)continue;t[c[i]]+=a[i];}return rows;',
    'let n=t[2047];for(let i=from;i<rows;i++){const g=c[i]*2;if(t[g]===0&&n<5){n++;}else t[g]+=n;t[g+1]++;}t[2047]=n;return rows;',
    'for(let i=from;i<rows;i++){t[c[i]]=(p[2*i+1]>>>0)*4294967296+(p[2*i]>>>0);}',
    'let i=from;while(i<rows){let k=c[i];for(;;){if(t[k]===0){t[k]=s[i]+1;break;}k=k+1&2047;if(k===c[i])break;}i++;}return i;',
    'let i=from;for(;i<rows;i++){if(a[i]>499000&&i>9000)break;t[c[i]]+=s[i];}return i;',
    // Neighbours that are counted.
    'for(let i=from;i<rows;i++){const b=c[i]*2;t[b]+=a[i];t[b+1]++;}',
    'for(let i=from;i<rows;i++){const b=c[i]*2;t[b]+=a[c[i]];t[b+1]++;}',
    'for(let i=from;i<rows;i++){const b=c[i]*2;t[b]++;t[b+1]+=s[i];}',
    'for(let i=from;i<rows;i++){const b=c[i]*2;t[b]++;t[b+1]++;t[b+1]--;}',
    'for(let i=from;i<rows;i++){let x=0;if(s[i]>0)x=a[i];else if(s[i]<-100)x=1;else x=-1;t[c[i]]=x;{const x=s[i];t[c[i]+1000]-=x;}}',
  ])
    sameInBothForms(['P', 't', 'from', 'rows'], head + text, () => [bound, new Float64Array(2048), 0, rows]);
  // Counts of 32 bits, and a start that is no multiple of eight.
  sameInBothForms(
    ['P', 't', 'from', 'rows'],
    `${head}for(let i=from;i<rows;i++)if(((v[i>>3]>>(i&7))&1)===1){t[c[i]]+=s[i];t[c[i]]++;}`,
    () => [bound, new Int32Array(2048), 4099, rows],
  );
});

test('rows that lie in an arena are used there, all else beside them, and written rows come back', () => {
  const random = seededRng(seed + 2);
  const codes = new Int32Array(slabs.buffer, 4096, rows);
  codes.set(ints(random, 500));
  const elsewhere = ints(random, 100);
  const body =
    'const c=P[0],e=P[1];for(let i=from;i<rows;i++){t[c[i]]+=e[i];ids[i]=c[i]+e[i]|0;}return rows;';
  sameInBothForms(['P', 't', 'ids', 'from', 'rows'], body, () => [
    [codes, elsewhere],
    new Float64Array(512),
    new Int32Array(rows),
    0,
    rows,
  ]);
});

test('an index outside of its array is an error, and touches no memory but the workspace of its lane', () => {
  const codes = new Int32Array(slabs.buffer, 4096, rows);
  const wild = [2 ** 31 - 1, -(2 ** 31), -1, 2 ** 20, 12_345_678, -400_000_000, 700];
  const all = new Uint8Array(slabs.buffer);
  const own = slabBytes + 2 * scratchBytes + limits.workspaceBytes;
  const body = 'const c=P[0];for(let i=from;i<rows;i++){t[c[i]]=1e99;t[c[i]+3]++;}return rows;';
  const kernel = compileRows<Kernel>(body, ['P', 't', 'from', 'rows'], () => body, rows);
  for (const code of wild) {
    codes.fill(5).fill(code, 9000);
    const before = all.slice(0, own);
    expect(() => kernel([codes], new Float64Array(700), 0, rows)).toThrow(/values that cannot be/);
    expect(Buffer.compare(all.subarray(0, own), before)).toBe(0);
  }
  // A table that lies in a slab is written in place, and not beside it.
  codes.fill(699).fill(700, rows - 1);
  const table = new Float64Array(slabs.buffer, 2 ** 20, 700).fill(0);
  const plain = 'const c=P[0];for(let i=from;i<rows;i++)t[c[i]]+=1;return rows;';
  const counts = compileRows<Kernel>(plain, ['P', 't', 'from', 'rows'], () => plain, rows);
  expect(() => counts([codes], table, 0, rows)).toThrow(/values that cannot be/);
  expect(new Float64Array(slabs.buffer, table.byteOffset + table.byteLength, 1)[0]).toBe(0);
  expect(table[699]).toBe(rows - 1);
});

// Goal: where an instruction without a branch stands for a condition, it means the same of NaN, -0 and equal numbers.
test.each(['x<y?x:y', 'x>y?x:y', 'x<y?y:x', 'x>y?y:x', 'y<x?x:y', 'y>x?y:x'])('%s', chosen => {
  // Otherwise both would be conditions.
  expect(hasVectors()).toBe(true);
  const random = seededRng(seed + 4);
  const body = `const a=P[0],b=P[1];for(let i=from;i<rows;i++){const x=a[i],y=b[i];o[i]=${chosen};}return rows;`;
  const some = () =>
    doubles(random).map(x => (random() < 0.3 ? strange[Math.floor(random() * strange.length)]! : x));
  const [a, b] = [some(), some()];
  sameInBothForms(['P', 'o', 'from', 'rows'], body, () => [[a, b], new Float64Array(rows), 0, rows]);
  const whole = ints(random, 5);
  sameInBothForms(['P', 'o', 'from', 'rows'], body, () => [[whole, b], new Float64Array(rows), 0, rows]);
});

test('arrays that share bytes stay one', () => {
  const body = 'const a=P[0],v=P[1],w=P[2];for(let i=from;i<rows;i++){v[0]=a[i];o[i]=w[1]^w[0];}return rows;';
  const random = seededRng(seed + 3);
  const numbers = doubles(random).map(x => (Number.isNaN(x) ? 0 : x));
  const shared = () => {
    const value = new Float64Array(1);
    return [[numbers, value, new Int32Array(value.buffer)], new Int32Array(rows), 0, rows];
  };
  sameInBothForms(['P', 'o', 'from', 'rows'], body, shared, false);
});

test('a text that is not of the language, and what is too large to copy, runs as JavaScript', () => {
  const out = () => [[], new Float64Array(rows), 0, rows];
  for (const text of [
    'o[i]=Math.log(i+1)',
    'o[i]=Number(3n)',
    'o[i]=i%7',
    'const r=i%7;o[i]=r',
    'const q=[1];o[i]=q[0]',
    'o[i]=i?1:0',
    'let b=i<3;b=i;o[i]=b&&i>1?1:0',
  ])
    sameInBothForms(
      ['P', 'o', 'from', 'rows'],
      `for(let i=from;i<rows;i++){${text};}return rows;`,
      out,
      false,
    );
  const large = () => [[], new Float64Array((2 * limits.workspaceBytes) / 8), 0, rows];
  sameInBothForms(
    ['P', 'o', 'from', 'rows'],
    'for(let i=from;i<rows;i++)o[i+1]=i;return rows;',
    large,
    false,
  );
});
