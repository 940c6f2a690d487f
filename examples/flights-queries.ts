import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { col, type DataFrame, len, type Session } from '../index.js';

/** The demo's job: three million US flights joined with the airports they leave from. */

const data = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '../data');
export const flightsFile = join(data, 'flights-3m.parquet');
export const airportsFile = join(data, 'airports.csv');

export type Row = Record<string, unknown>;
/** The answer's tables, by name, each in a defined order. */
export type Answer = Record<'byStateAndMonth' | 'worstRoutes' | 'lateByHour', Row[]>;

/** Lazy: nothing is read here. */
export function flightsWithStates(session: Session): DataFrame {
  const airports = session.scanCSV(airportsFile).select(col('iata'), col('state'));
  return session
    .scanParquet(flightsFile)
    .withColumns(col('date').date.month().alias('month'), col('date').date.hour().alias('hour'))
    .join(airports, { leftOn: 'origin', rightOn: 'iata', how: 'left' });
}

export function delaysByStateAndMonth(flights: DataFrame): DataFrame {
  return flights
    .groupBy('state', 'month')
    .agg(
      len().alias('flights'),
      col('delay').mean().alias('mean_delay'),
      col('delay').max().alias('max_delay'),
      col('distance').sum().alias('miles'),
    )
    .sort('state', 'month');
}

export function worstRoutes(flights: DataFrame): DataFrame {
  return flights
    .groupBy('origin', 'destination')
    .agg(len().alias('flights'), col('delay').mean().alias('mean_delay'))
    .filter(col('flights').gtEq(1000))
    .sort({ by: ['mean_delay', 'origin', 'destination'], descending: [true, false, false] })
    .head(10);
}

export function lateShareByHour(flights: DataFrame): DataFrame {
  return flights
    .groupBy('hour')
    .agg(len().alias('flights'), col('delay').filter(col('delay').gt(30)).count().alias('late'))
    .withColumns(col('late').div(col('flights')).alias('late_share'))
    .sort('hour');
}

/** Runs the whole job. The joined flights are computed once, stay on the workers, and serve all three questions. */
export async function flightsAnswer(session: Session, parquetPath: string): Promise<Answer> {
  await using flights = await flightsWithStates(session).persist();
  const byStateAndMonth = delaysByStateAndMonth(flights);
  const answer = {
    byStateAndMonth: await byStateAndMonth.toRecords(),
    worstRoutes: await worstRoutes(flights).toRecords(),
    lateByHour: await lateShareByHour(flights).toRecords(),
  };
  await byStateAndMonth.sinkParquet(parquetPath, { overwrite: true });
  return answer;
}

/** Equal for equal bits: numbers are written so that they read back exactly. */
export function answerHash(answer: Answer): string {
  return createHash('sha256').update(JSON.stringify(answer)).digest('hex').slice(0, 32);
}
