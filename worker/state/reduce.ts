import { assertNever } from '../../core/base/assert.js';
import type { EffectSink, Event } from './api.js';
import { onHead } from './on-head.js';
import {
  onBatchRefused,
  onLaneDied,
  onLaneFree,
  onLaneResults,
  onLaneStarted,
  onTailTaken,
  onTick,
} from './on-lane.js';
import { onPullDone, onPullFailed } from './on-pull.js';
import { jobOf, type Worker } from './worker.js';

/** Applies one event. Synchronous; sees only its arguments, so a log replays exactly. */
export function reduce(worker: Worker, event: Event, nowMs: number, out: EffectSink): void {
  switch (event.kind) {
    case 'head':
      return onHead(worker, event.message, out);
    case 'pull-done':
      return onPullDone(worker, event, out);
    case 'pull-failed':
      return onPullFailed(worker, event.pull, event.code, event.detail, out);
    case 'lane-started':
      return onLaneStarted(worker, event.lane, event.batch, nowMs);
    case 'lane-results':
      return onLaneResults(worker, event.lane, event.batch, event.results, out);
    case 'lane-free':
      return onLaneFree(worker, event.lane, event.batch, out);
    case 'lane-died':
      return onLaneDied(worker, event.lane, event.batch, event.claimed, event.detail, out);
    case 'tail-taken':
      return onTailTaken(worker, event.lane, event.batch, event.from, out);
    case 'batch-refused':
      return onBatchRefused(worker, event.lane, event.batch, event.lost, event.detail, out);
    case 'stored':
      jobOf(worker, event.task.job).results.add(event.task.index);
      return;
    case 'result-gone':
      worker.jobs.get(event.task.job)?.results.delete(event.task.index);
      out.fault({
        kind: 'partition-corrupt',
        task: event.task,
        peer: worker.options.worker,
        detail: event.detail,
      });
      out.toHead({ kind: 'replicas-changed', added: [], dropped: [event.task] });
      return;
    case 'memory':
      worker.paused = event.paused;
      return;
    case 'tick':
      return onTick(worker, nowMs, out);
    default:
      return assertNever(event);
  }
}
