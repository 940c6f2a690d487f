/** What the command line asks of a bench. rows: null means the bench's own default. */
export interface BenchOptions {
  readonly rows: number | null;
  readonly threads: number;
  readonly runs: number;
  readonly seed: number;
}

export type Bench = (options: BenchOptions) => Promise<BenchReport>;

export interface BenchReport {
  readonly bench: string;
  readonly rows: number;
  readonly threads: number;
  readonly runs: number;
  readonly seed: number;
  readonly results: readonly BenchResult[];
  /** False fails the run. */
  readonly withinTarget: boolean;
}

export interface BenchResult {
  readonly system: string;
  readonly version: string;
  readonly question: string;
  /** Wall time of each run, milliseconds. */
  readonly ms: readonly number[];
  readonly medianMs: number;
  readonly check: { readonly rows: number; readonly sums: Readonly<Record<string, number>> };
  /** Figures of this bench only: peakRssBytes, targetRssBytes, … */
  readonly extra?: Readonly<Record<string, number>>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A table for people; with `json`, one object as the last line. */
export function printReport(report: BenchReport, json: boolean): void {
  console.log(`${report.bench}: ${report.rows} rows, ${report.threads} threads, seed ${report.seed}`);
  for (const result of report.results) {
    const runs = result.ms.map(ms => ms.toFixed(0)).join(' ');
    console.log(
      `  ${result.system} ${result.version}  ${result.question}  median ${result.medianMs.toFixed(0)} ms  [${runs}]`,
    );
    for (const [name, value] of Object.entries(result.extra ?? {})) {
      console.log(`    ${name} ${name.endsWith('Bytes') ? `${(value / 2 ** 20).toFixed(0)} MiB` : value}`);
    }
  }
  if (json) {
    const { withinTarget: _, ...printed } = report;
    console.log(JSON.stringify(printed));
  }
}
