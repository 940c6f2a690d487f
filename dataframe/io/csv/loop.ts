import { compile } from '../../codegen/compile.js';
import { physicalOf } from '../../column/layout.js';
import { carriageReturn, type Dialect, lineFeed } from './dialect.js';
import { type ColumnStore, TextStore } from './stores.js';

/**
 * Reads records of bytes[from, end), which ends behind a line feed, into rows [counts[0], capacity). Stops before the
 * first record that takes more than a look at its bytes: malformed, a value of no such type, not all there.
 * counts[0]: rows then. counts[1]: lines skipped. @returns where it stopped
 */
export type RecordLoop = (bytes: Uint8Array, from: number, end: number, capacity: number) => number;

type Compiled = (
  bytes: Uint8Array,
  from: number,
  end: number,
  capacity: number,
  counts: Int32Array,
  powers: Float64Array,
  ...columns: unknown[]
) => number;

/** Powers of ten that nine digits behind a point need. */
const powers = Float64Array.from({ length: 10 }, (_, i) => Number(`1e${i}`));

/**
 * One loop for these columns of records of so many fields: it looks at every byte once, and other columns cost no more
 * than finding their ends. With `starts`, that is where each row begins. It has to be made anew when the stores' arrays are.
 */
export function recordLoop(
  fields: number,
  stores: readonly ColumnStore[],
  dialect: Dialect,
  counts: Int32Array,
  starts: Int32Array | null = null,
): RecordLoop {
  const parameters = ['B', 'from', 'end', 'capacity', 'counts', 'P', 'R'];
  const columns: unknown[] = [starts];
  stores.forEach((store, k) => {
    parameters.push(`S${k}`, `V${k}`);
    columns.push(store, store.values);
    if (!(store instanceof TextStore)) return;
    const { distinct, offsets, bytes } = store.entries;
    if (distinct !== null) {
      parameters.push(`T${k}`);
      columns.push(distinct);
    } else {
      parameters.push(`O${k}`, `X${k}`, `E${k}`);
      columns.push(offsets, bytes, store.entries.shift);
    }
  });
  const run = compile<Compiled>(parameters, new LoopEmitter(fields, stores, dialect).text(starts !== null));
  return (bytes, from, end, capacity) => run(bytes, from, end, capacity, counts, powers, ...columns);
}

const carriage = `if(c===${carriageReturn})c=B[++p];`;

class LoopEmitter {
  readonly #fields: number;
  readonly #stores: readonly ColumnStore[];
  readonly #dialect: Dialect;

  constructor(fields: number, stores: readonly ColumnStore[], dialect: Dialect) {
    this.#fields = fields;
    this.#stores = stores;
    this.#dialect = dialect;
  }

  text(starts: boolean): string {
    const { comment } = this.#dialect;
    const skip = 'skipped++;stop=p;continue;';
    const comments = comment < 0 ? '' : `if(B[p]===${comment}){while(B[p]!==${lineFeed})p++;p++;${skip}}`;
    const blanks = this.#fields === 1 ? '' : `if(B[p]===${lineFeed}){p++;${skip}}`;
    return `let p=from,stop=from,row=counts[0],skipped=0,s=0,c=0,d=0,v=0,f=0,k=0,at=0;
rows:while(p<end&&row<capacity){${comments}${blanks}
${starts ? 'R[row]=p;' : ''}${this.#record()}row++;stop=p;}
counts[0]=row;counts[1]=skipped;return stop;`;
  }

  #record(): string {
    const byColumn = new Map<number, number[]>();
    this.#stores.forEach((store, k) => {
      byColumn.set(store.column, [...(byColumn.get(store.column) ?? []), k]);
    });
    let text = '';
    let unread = 0;
    for (let column = 0; column < this.#fields; column++) {
      const wanted = byColumn.get(column);
      const last = column === this.#fields - 1;
      if (wanted === undefined && !last) {
        unread++;
        continue;
      }
      text += this.#skip(unread);
      unread = 0;
      text += wanted === undefined ? this.#skipLast() : this.#values(wanted, last);
    }
    return text;
  }

  /** A column that is asked for twice is read twice. */
  #values(wanted: readonly number[], last: boolean): string {
    const [first, ...others] = wanted.map(k => this.#value(k, last));
    return others.length === 0 ? first! : `at=p;${[first, ...others].join('p=at;')}`;
  }

  #value(k: number, last: boolean): string {
    const store = this.#stores[k]!;
    if (store instanceof TextStore) return this.#text(k, store, last);
    const { kind } = store.field.type;
    if (kind === 'float32' || kind === 'float64') return this.#float(k, last);
    return /^u?int/.test(kind) ? this.#integer(k, physicalOf(store.field.type), last) : this.#other(k, last);
  }

  /** Finds the end of the field at p: a delimiter or line feed, then in c. */
  get #toEnd(): string {
    const { delimiter } = this.#dialect;
    const high = Math.max(delimiter, lineFeed);
    // Most bytes of most files are letters and digits: one comparison tells.
    const usual =
      high < 48
        ? `(c=B[p])>${high}||(c!==${delimiter}&&c!==${lineFeed})`
        : `(c=B[p])!==${delimiter}&&c!==${lineFeed}`;
    return `while(${usual})p++;`;
  }

  /** As many fields nobody asked for, none of them the last. */
  #skip(count: number): string {
    if (count === 0) return '';
    const one = `${this.#skipQuoted()}${this.#toEnd}if(c===${lineFeed})break rows;p++;`;
    return count <= 2 ? one.repeat(count) : `for(k=${count};k>0;k--){${one}}`;
  }

  #skipLast(): string {
    return `${this.#skipQuoted()}${this.#toEnd}if(c!==${lineFeed})break rows;p++;`;
  }

  /** Past the closing quote; a carriage return may follow where the line ends. */
  #skipQuoted(): string {
    const { quote, escape: before, delimiter } = this.#dialect;
    if (quote < 0) return '';
    const pass =
      before === quote
        ? `for(;;){while(p<end&&B[p]!==${quote})p++;if(p+1<end&&B[p+1]===${quote})p+=2;else break;}`
        : `while(p<end&&(c=B[p])!==${quote})p+=c===${before}?2:1;`;
    const ends = `c!==${delimiter}&&c!==${lineFeed}&&(c!==${carriageReturn}||B[p+1]!==${lineFeed})`;
    return `if(B[p]===${quote}){p++;${pass}if(++p>=end)break rows;c=B[p];if(${ends})break rows;}`;
  }

  /** Whatever the loop has no code for. */
  #other(k: number, last: boolean): string {
    return `p=S${k}.read(B,p,end,row,${this.#terminator(last)});if(p<0)break rows;`;
  }

  #terminator(last: boolean): number {
    return last ? lineFeed : this.#dialect.delimiter;
  }

  /** Nulls that are written as numbers. */
  get #numericNulls(): boolean {
    return this.#dialect.nullValues.some(text => /^[-+.0-9]/.test(Buffer.from(text).toString('latin1')));
  }

  /** At most nine digits, which fit 32 bits. */
  #integer(k: number, physical: string, last: boolean): string {
    if (this.#numericNulls) return this.#other(k, last);
    const bits = /^[iu](8|16|32)$/.exec(physical)?.[1];
    const unsigned = physical.startsWith('u') || this.#stores[k]!.field.type.kind === 'uint64';
    const high = bits === undefined || bits === '32' ? null : 2 ** (Number(bits) - (unsigned ? 0 : 1)) - 1;
    const fits = high === null ? '' : `&&v<=${high}&&v>=${unsigned ? 0 : -high - 1}`;
    const negative = unsigned ? '' : 'if(c===45)c=B[++p];';
    const sign = unsigned ? '' : 'if(B[s]===45)v=-v|0;';
    return `s=p;c=B[p];${negative}v=c-48;if(v>>>0<=9){while((d=(c=B[++p])-48)>>>0<=9)v=Math.imul(v,10)+d|0;${sign}}else c=-1;
d=p-s;${last ? carriage : ''}if(c===${this.#terminator(last)}&&d<=9${fits}){V${k}[row]=v;p++;}else{p=s;${this.#other(k, last)}}
`;
  }

  /** At most nine digits: an exact integer and an exact power of ten, so that one division rounds right. */
  #float(k: number, last: boolean): string {
    if (this.#numericNulls) return this.#other(k, last);
    return `s=p;c=B[p];if(c===45)c=B[++p];v=c-48;k=0;if(v>>>0<=9){while((d=(c=B[++p])-48)>>>0<=9)v=Math.imul(v,10)+d|0;
if(c===46){k=p;while((d=(c=B[++p])-48)>>>0<=9)v=Math.imul(v,10)+d|0;k=p-k;}}else c=-1;
d=p-s;${last ? carriage : ''}if(c===${this.#terminator(last)}&&d<=(k===0?9:10)){f=v/P[k===0?0:k-1];V${k}[row]=B[s]===45?-f:f;p++;}else{p=s;${this.#other(k, last)}}
`;
  }

  #text(k: number, store: TextStore, last: boolean): string {
    const { quote, nullValues } = this.#dialect;
    const special = new Set([quote, ...nullValues.map(text => text[0]!)].filter(byte => byte >= 0));
    const test = [...special].map(byte => `c===${byte}`).join('||');
    const other = this.#other(k, last);
    const plain = store.entries.distinct === null ? this.#plainText(k, last) : this.#codedText(k, last);
    return test === '' ? `{${plain}}` : `c=B[p];if(${test}){${other}}else{${plain}}`;
  }

  /** What ends the text that began at s is in c; its end is in d. */
  #ended(last: boolean): string {
    const ended = `if(c!==${this.#terminator(last)})break rows;d=p;`;
    return last ? `${ended}if(p>s&&B[p-1]===${carriageReturn})d--;` : ended;
  }

  #codedText(k: number, last: boolean): string {
    return `s=p;${this.#toEnd}${this.#ended(last)}
if(s===d)S${k}.setNull(row);else T${k}.note(B,s,d,row);p++;`;
  }

  #plainText(k: number, last: boolean): string {
    const entry = `row+E${k}`;
    const { delimiter } = this.#dialect;
    return `s=p;let q=O${k}[${entry}];while((c=B[p])!==${delimiter}&&c!==${lineFeed}){X${k}[q++]=c;p++;}
${this.#ended(last)}O${k}[${entry}+1]=q-p+d;if(s===d)S${k}.setNull(row);p++;`;
  }
}
