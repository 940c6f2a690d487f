import type {
  CSVSinkOptions,
  IPCSinkOptions,
  ParquetSinkOptions,
  SinkResult,
  TextSinkOptions,
} from '../distribute/sink.js';
import type { PostgresSinkOptions } from '../distribute/sink-postgres.js';
import type { Verb } from '../plan/verb.js';
import type { ActionContext } from './actions.js';

/** The verbs of a frame that write it somewhere. */
export abstract class FrameSinks {
  abstract get verb(): Verb;
  protected abstract get context(): ActionContext;

  /** Writes Parquet: `x.parquet` is one file, anything else a folder of parts. Appears whole or not at all. */
  async sinkParquet(path: string, options: ParquetSinkOptions = {}): Promise<SinkResult> {
    const { sinkFiles, sinkForms } = await import('../distribute/sink.js');
    return sinkFiles(this.verb, this.context, path, sinkForms.parquet(options), options);
  }

  /** Writes CSV: `x.csv`, `x.csv.gz` or a folder of parts, as sinkParquet. */
  async sinkCSV(path: string, options: CSVSinkOptions = {}): Promise<SinkResult> {
    const { sinkFiles, sinkForms } = await import('../distribute/sink.js');
    return sinkFiles(this.verb, this.context, path, sinkForms.csv(options), options);
  }

  /** Writes a JSON object per line: `x.ndjson`, `x.ndjson.gz` or a folder of parts, as sinkParquet. */
  async sinkNDJSON(path: string, options: TextSinkOptions = {}): Promise<SinkResult> {
    const { sinkFiles, sinkForms } = await import('../distribute/sink.js');
    return sinkFiles(this.verb, this.context, path, sinkForms.ndjson(options), options);
  }

  /** Writes a JSON array of objects: `x.json`, `x.json.gz` or a folder of such parts, as sinkParquet. */
  async sinkJSON(path: string, options: TextSinkOptions = {}): Promise<SinkResult> {
    const { sinkFiles, sinkForms } = await import('../distribute/sink.js');
    return sinkFiles(this.verb, this.context, path, sinkForms.json(options), options);
  }

  /** Writes the Arrow IPC file format: `x.arrow`, `x.ipc`, `x.feather` or a folder of parts, as sinkParquet. */
  async sinkIPC(path: string, options: IPCSinkOptions = {}): Promise<SinkResult> {
    const { sinkFiles, sinkForms } = await import('../distribute/sink.js');
    return sinkFiles(this.verb, this.context, path, sinkForms.ipc(options), options);
  }

  /** Writes a table of PostgreSQL, a part a partition. Appears whole or not at all. Needs pg and pg-copy-streams. */
  async sinkPostgres(url: string, table: string, options: PostgresSinkOptions = {}): Promise<SinkResult> {
    const { sinkPostgres } = await import('../distribute/sink-postgres.js');
    return sinkPostgres(this.verb, this.context.executor, url, table, options, this.context.options);
  }
}
