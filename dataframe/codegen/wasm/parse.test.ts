import { parse } from 'acorn';
import { expect, test } from 'vitest';
import { parseKernel } from './parse.js';
import { Untranslatable } from './untranslatable.js';

const texts = [
  'const a=P[0];let k=n[0],m=-1;for(let i=from;i<rows;i++){if(a[i]>0&&!(a[i]>=5||i===2))k+=a[2*i+1];else if(k!==3)continue;else break;}n[0]=k;return rows',
  'while(k<5){k=k>>>1<<2>>3|k&7^~m;++k;k--;}{;}return;',
  'x[a]=b?c:d?e:f;y=z=Math.imul(a,3)%+b*-0x1f/1.5e-7-.25+(a-b-(c-d));f();',
  'a+=b-=1;for(;;){}/* f64 */// i32\nx[0]>>>=1;s[k]++;if(a)b;else{c}',
];

// Positions, and what only the other parser notes.
const ignored = new Set(['start', 'end', 'sourceType']);
const plain = (tree: unknown): unknown =>
  JSON.parse(JSON.stringify(tree, (key, value) => (ignored.has(key) ? undefined : value)));

test.each(texts)('a text is what a parser of JavaScript takes it for: %s', text => {
  const program = parse(text, { ecmaVersion: 2022, allowReturnOutsideFunction: true });
  expect(plain(parseKernel(text))).toEqual(plain(program.body));
});

test.each([
  "const a='text'",
  'a=1 b=2',
  'if(a',
  'for(const a of b){}',
  '{a=1',
  'a?.b',
  'a**2',
  'a=(1,2)',
  '1=a',
  'a=function(){}',
  'do{}while(a)',
  'a=1.5.5',
  'a=/b/',
])('what is not of the language is not translated: %s', text => {
  expect(() => parseKernel(text)).toThrow(Untranslatable);
});
